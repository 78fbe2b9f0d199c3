"""hostd is killed at every point of every kind of job; afterwards the job is done or was never there.

The points come from the job definitions: a new step, or a new kind, is covered by itself. A kind without a
scenario fails.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.jobs.faults import crash_points
from edgelinux_hostd.jobs.model import Abandoned, JobState
from edgelinux_hostd.operations import params as p
from edgelinux_hostd.operations.kinds import operations
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.base import JOB

from tests.unit.hostd.operations.conftest import Hostd
from tests.unit.hostd.world import World


def _create(hostd: Hostd, name: str, number: int, template: str = "debian-13.lxc", **more: object) -> None:
    wanted = p.CreateAntlet.model_validate({"name": name, "template": template, "number": number, **more})
    job = hostd.run("create-antlet", wanted)
    assert job.state is JobState.DONE, job.error


def _running(hostd: Hostd) -> None:
    _create(hostd, "web1", 25, start=True)


def _stopped(hostd: Hostd) -> None:
    _create(hostd, "web1", 25)


def _machine(hostd: Hostd) -> None:
    _create(hostd, "web1", 25, "tiny")
    (hostd.world.storage.root / "antlets/web1/disks/disk0.raw").write_text("a disk")


def _snapshots(hostd: Hostd) -> None:
    _create(hostd, "web1", 25, "tiny")
    disk = hostd.world.storage.root / "antlets/web1/disks/disk0.raw"
    for text in ("a", "b"):
        disk.write_text(text)
        hostd.run("take-snapshot", p.TakeSnapshot(name="web1", snapshot=text))
    disk.write_text("c")


def _paused(hostd: Hostd) -> None:
    _running(hostd)
    hostd.run("pause-antlet", p.AntletAction(name="web1"))


def _nothing(hostd: Hostd) -> None:
    pass


def _absent_pools(hostd: Hostd) -> None:
    for guid, name in ((4711, "usb"), (4712, "attic")):
        registry.record(guid, name, hostd.world.record)


def _tarball(hostd: Hostd) -> None:
    with tarfile.open(hostd.directory.parent / "root.tar", "w") as tar:
        for name in ("etc", "sbin"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        program = tarfile.TarInfo("sbin/init")
        program.mode, program.size = 0o755, 4
        tar.addfile(program, io.BytesIO(b"init"))


# What each kind of job is tried on, and with: every kind has to be here.
SCENARIOS: dict[str, tuple[Callable[[Hostd], None], p.Params]] = {
    "create-antlet": (
        _nothing,
        p.CreateAntlet(name="web1", template="debian-13.lxc", quota=1 << 30, compression="off", start=True),
    ),
    "clone-antlet": (_snapshots, p.CloneAntlet(source="web1", name="web2")),
    "start-antlet": (_stopped, p.AntletAction(name="web1")),
    "stop-antlet": (_running, p.StopAntlet(name="web1")),
    "kill-antlet": (_running, p.AntletAction(name="web1")),
    "pause-antlet": (_running, p.AntletAction(name="web1")),
    "resume-antlet": (_paused, p.AntletAction(name="web1")),
    "reboot-antlet": (_running, p.StopAntlet(name="web1")),
    "update-antlet": (
        _machine,
        p.UpdateAntlet(
            name="web1", number=30, ram=1024, quota=1 << 30, disk=4096, compression="lz4", autostart=True
        ),
    ),
    "rename-antlet": (_stopped, p.RenameAntlet(name="web1", new_name="web9")),
    "take-snapshot": (_running, p.TakeSnapshot(name="web1", snapshot="now")),
    "delete-snapshot": (_snapshots, p.DeleteSnapshot(name="web1", snapshot="a")),
    "restore-snapshot": (_snapshots, p.RestoreSnapshot(name="web1", snapshot="a", destroy_newer=True)),
    "delete-antlet": (_snapshots, p.DeleteAntlet(name="web1", force=True)),
    "import-template": (_tarball, p.ImportTemplate(source="@/root.tar", template="busybox.lxc")),
    "make-template": (_stopped, p.MakeTemplate(antlet="web1", template="mine.lxc")),
    "delete-template": (_nothing, p.DeleteTemplate(template="tiny")),
    "rebase-network": (_running, p.RebaseNetwork(base_ip="10.9.9.", restart=True)),
    "create-pool": (_nothing, p.CreatePool(name="more", layout="single", disks=("/dev/vdz",))),
    "scrub-pool": (_nothing, p.ScrubPool(name="antlets")),
    "forget-pool": (_absent_pools, p.ForgetPool(name="usb")),
    "recover": (_stopped, p.Recover()),
}

HALTING = ("stop-antlet", "reboot-antlet")

with tempfile.TemporaryDirectory() as scratch:
    KINDS = operations(World(Path(scratch)).services(), ())
POINTS = crash_points([one.kind for one in KINDS.values()])


def _prepared(directory: Path, kind: str) -> Hostd:
    directory.mkdir()
    state = directory / "state"
    state.mkdir(mode=0o700)
    hostd = Hostd(World(directory / "pools"), state)
    SCENARIOS[kind][0](hostd)
    return hostd


def _params(kind: str, directory: Path) -> p.Params:
    """The scenario's parameters; a path's @ stands for the directory it was prepared in."""
    params = SCENARIOS[kind][1]
    if isinstance(params, p.ImportTemplate):
        return params.model_copy(update={"source": params.source.replace("@", str(directory))})
    return params


def _picture(hostd: Hostd) -> dict[str, object]:
    """The world without what differs each time: uuids, and the serial numbers of jobs."""
    pictured = repr(hostd.world.picture())
    for info in hostd.world.storage.datasets("antlets"):
        if uuid := info.local.get("edgelinux:uuid"):
            pictured = pictured.replace(uuid, f"<uuid of {info.name}>")
    return {"all": re.sub(r"@clone-[0-9-]+", "@clone", pictured)}


@cache
def _pictures(kind: str) -> tuple[dict[str, object], dict[str, object]]:
    """The world before a job of a kind, and after one that nothing disturbed."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = _prepared(Path(scratch) / "whole", kind)
        before = _picture(whole)
        assert whole.run(kind, _params(kind, Path(scratch) / "whole")).state is JobState.DONE
        return before, _picture(whole)


def test_every_kind_has_a_scenario() -> None:
    assert SCENARIOS.keys() == KINDS.keys()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point: str, tmp_path: Path) -> None:
    kind, step, when = point.split("/")
    before, after = _pictures(kind)
    hostd = _prepared(tmp_path / "killed", kind)
    params = _params(kind, tmp_path / "killed")
    if when == "undone":
        (hostd.faults / "fail-at").write_text(f"{kind}/{step}")
    (hostd.faults / "kill-at").write_text(point)
    job = hostd.run(kind, params)

    assert not (hostd.faults / "kill-at").exists(), "it was not killed"
    assert job.state.final
    assert not job.unsettled
    assert _picture(hostd) == (after if job.state is JobState.DONE else before)
    assert (job.state is JobState.DONE) == (when != "undone")
    _nothing_is_left(hostd)


def test_dying_between_the_setting_and_the_network_leaves_neither_behind(tmp_path: Path) -> None:
    hostd = _prepared(tmp_path / "between", "rebase-network")
    hostd.world.dies_rebasing = True
    job = hostd.agent.submit("rebase-network", SCENARIOS["rebase-network"][1])
    with pytest.raises(Abandoned):
        hostd.engine.work()
    assert (hostd.world.base_ip, hostd.world.network_ip) == ("10.9.9.", "10.1.1.")
    hostd.start()
    assert hostd.finish(job.id).state is JobState.DONE
    assert (hostd.world.base_ip, hostd.world.network_ip) == ("10.9.9.", "10.9.9.")


@pytest.mark.parametrize("kind", sorted(SCENARIOS))
def test_a_step_that_always_kills_hostd_does_not_do_so_for_ever(kind: str, tmp_path: Path) -> None:
    hostd = _prepared(tmp_path / "loop", kind)
    before = _pictures(kind)[0]
    first = KINDS[kind].kind.steps[0]
    job = hostd.agent.submit(kind, _params(kind, tmp_path / "loop"))
    for _ in range(8):
        (hostd.faults / "kill-at").write_text(f"{kind}/{first.name}/before")
        job = hostd.finish(job.id)
    assert job.state is JobState.FAILED or job.state is JobState.DONE
    if not first.commits and job.state is JobState.FAILED:
        assert _picture(hostd) == before


@pytest.mark.parametrize("kind", sorted(SCENARIOS))
def test_an_error_in_any_step_is_undone_or_made_good(kind: str, tmp_path: Path) -> None:
    for step in KINDS[kind].kind.steps:
        hostd = _prepared(tmp_path / step.name, kind)
        before = _pictures(kind)[0]
        (hostd.faults / "fail-at").write_text(f"{kind}/{step.name}")
        job = hostd.run(kind, _params(kind, tmp_path / step.name))
        assert not (hostd.faults / "fail-at").exists()
        if job.unsettled:
            # Past its commit: the next start goes on with it.
            hostd.start()
            job = hostd.finish(job.id)
            assert job.state is JobState.DONE, job.error
        else:
            assert job.state is JobState.FAILED
            if kind in HALTING:
                # What shut down by itself is not started again for it.
                hostd.world.runtimes["lxc"].running["web1"] = State.RUNNING
            assert _picture(hostd) == before
        _nothing_is_left(hostd)


def _nothing_is_left(hostd: Hostd) -> None:
    """No dataset of a job, no state of what is not there, no name of what is not there; all readable."""
    antlets = hostd.agent.antlets()
    names = {antlet.name for antlet in antlets}
    for pool in hostd.world.storage.pools():
        assert all(JOB not in info.local for info in hostd.world.storage.datasets(pool))
    for runtime in hostd.world.runtimes.values():
        assert runtime.running.keys() <= names
    assert hostd.world.names == {antlet.name: antlet.number for antlet in antlets}
    for antlet in antlets:
        assert isinstance(antlet.spec, AntletSpec), antlet.problem
    assert hostd.agent.jobs(active=True) == []
