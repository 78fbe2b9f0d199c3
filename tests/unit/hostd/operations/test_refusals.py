"""What is refused before anything is made, each in one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.jobs.model import Abandoned, JobState
from edgelinux_hostd.operations import params as p
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.storage import registry
from pydantic import ValidationError

from tests.unit.hostd.operations.conftest import Hostd


def create(hostd: Hostd, name: str = "web1", **more: object) -> None:
    wanted = p.CreateAntlet.model_validate({"name": name, "template": "debian-13.lxc", **more})
    job = hostd.run("create-antlet", wanted)
    assert job.state is JobState.DONE, job.error


def snapshot(hostd: Hostd, name: str) -> None:
    assert hostd.run("take-snapshot", p.TakeSnapshot(name="web1", snapshot=name)).state is JobState.DONE


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ({"name": "web1"}, RefusedError, "there is an antlet web1 already"),
        ({"name": "web2", "number": 10}, RefusedError, "number 10 is antlet web1's"),
        ({"name": "web2", "number": 9}, InvalidError, "10 to 254"),
        ({"name": "web2", "number": 255}, InvalidError, "10 to 254"),
        ({"name": "web2", "template": "nope"}, NotFoundError, "no template 'nope'"),
        ({"name": "web2", "pool": "nope"}, NotFoundError, "no pool 'nope'"),
        ({"name": "web2", "pool": "hdd"}, InvalidError, "import the template into hdd"),
        ({"name": "web2", "ram": 4097}, InvalidError, "it has 4096 MiB"),
        ({"name": "web2", "cpu": 5}, InvalidError, "it has 4"),
        ({"name": "a/b"}, InvalidError, "cannot name an antlet"),
        ({"name": "a@b"}, InvalidError, "cannot name an antlet"),
        ({"name": ".."}, InvalidError, "cannot name an antlet"),
        ({"name": "-x"}, InvalidError, "cannot name an antlet"),
        ({"name": "antlet77"}, InvalidError, "antlet77"),
        ({"name": "host"}, InvalidError, "host"),
        ({"name": "web2", "ssh_keys": ["nonsense"]}, InvalidError, "not an SSH public key"),
    ],
)
def test_what_cannot_be_created(
    hostd: Hostd, wanted: dict[str, object], error: type[EdgeLinuxError], said: str
) -> None:
    create(hostd)
    before = hostd.world.picture()
    with pytest.raises(error, match=said) as caught:
        create(hostd, **{"template": "debian-13.lxc", **wanted})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert hostd.world.picture() == before
    assert len(hostd.agent.jobs()) == 1


def test_a_misspelt_option_is_never_ignored() -> None:
    with pytest.raises(ValidationError, match="memory"):
        p.CreateAntlet.model_validate({"name": "web1", "template": "t", "memory": 4})


def test_a_template_with_broken_xml_makes_nothing(hostd: Hostd) -> None:
    (hostd.world.templates["tiny"].directory / "antlet.xml.j2").write_text("broken")
    with pytest.raises(EdgeLinuxError, match="not valid"):
        create(hostd, template="tiny")
    assert hostd.agent.antlets() == ()


def test_a_pool_that_is_full_while_creating_leaves_nothing(hostd: Hostd) -> None:
    hostd.world.storage.full = True
    job = hostd.run("create-antlet", p.CreateAntlet(name="web1", template="tiny"))
    assert job.state is JobState.FAILED
    assert "out of space" in job.error
    assert "antlets/web1" not in hostd.world.storage.filesystems
    hostd.world.storage.full = False
    create(hostd)


def test_a_job_of_an_older_hostd_gets_the_cards_of_its_template(hostd: Hostd) -> None:
    """It was queued before cards were decided with the rest."""
    hostd.agent.submit("create-antlet", p.CreateAntlet(name="web1", template="tiny"))
    (queued,) = hostd.engine.jobs()
    decided = p.CreateAntlet.model_validate(queued.params)
    hostd.finish(queued.id)
    old = decided.model_copy(update={"name": "web2", "number": 77, "nics": None})
    assert hostd.finish(hostd.engine.submit("create-antlet", old).id).state is JobState.DONE
    first, second = hostd.agent.antlets()
    assert first.spec is not None
    assert second.spec is not None
    assert [nic.type for nic in second.spec.nics] == [nic.type for nic in first.spec.nics] != []


def test_numbers_that_unfinished_jobs_will_give_away_are_not_given_twice(hostd: Hostd) -> None:
    first = hostd.agent.submit("create-antlet", p.CreateAntlet(name="web1", template="tiny"))
    second = hostd.agent.submit("create-antlet", p.CreateAntlet(name="web2", template="tiny"))
    with pytest.raises(RefusedError, match="being given"):
        hostd.agent.submit("create-antlet", p.CreateAntlet(name="web3", template="tiny", number=10))
    hostd.finish(second.id)
    assert hostd.finish(first.id).state is JobState.DONE
    assert [antlet.number for antlet in hostd.agent.antlets()] == [10, 11]


def test_two_commands_on_one_antlet_at_once(hostd: Hostd) -> None:
    create(hostd)
    hostd.agent.submit("start-antlet", p.AntletAction(name="web1"))
    with pytest.raises(BusyError, match="web1"):
        hostd.agent.submit("delete-antlet", p.DeleteAntlet(name="web1"))


def test_the_same_name_twice_at_once(hostd: Hostd) -> None:
    hostd.agent.submit("create-antlet", p.CreateAntlet(name="web1", template="tiny"))
    with pytest.raises(BusyError, match="web1"):
        hostd.agent.submit("create-antlet", p.CreateAntlet(name="web1", template="tiny"))


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("start-antlet", p.AntletAction(name="web1"), "runs already"),
        ("resume-antlet", p.AntletAction(name="web1"), "only a paused antlet"),
        ("restore-snapshot", p.RestoreSnapshot(name="web1", snapshot="a"), "antlet stop web1"),
        ("rename-antlet", p.RenameAntlet(name="web1", new_name="web2"), "antlet stop web1"),
        ("delete-antlet", p.DeleteAntlet(name="web1"), "snapshots: a"),
        ("update-antlet", p.UpdateAntlet(name="web1", number=99), "antlet stop web1"),
        ("take-snapshot", p.TakeSnapshot(name="web1", snapshot="a"), "has a snapshot a already"),
    ],
)
def test_what_a_running_antlet_is_not_for(hostd: Hostd, kind: str, params: p.Params, said: str) -> None:
    create(hostd, start=True)
    snapshot(hostd, "a")
    with pytest.raises(RefusedError, match=said):
        hostd.agent.submit(kind, params)


@pytest.mark.parametrize("kind", ["stop-antlet", "pause-antlet", "resume-antlet", "reboot-antlet"])
def test_what_a_stopped_antlet_is_not_for(hostd: Hostd, kind: str) -> None:
    create(hostd)
    params = hostd.operations[kind].kind.params.model_validate({"name": "web1"})
    with pytest.raises(RefusedError, match="web1 is stopped"):
        hostd.agent.submit(kind, params)  # type: ignore[arg-type]


def test_a_missing_snapshot_is_named_with_those_there_are(hostd: Hostd) -> None:
    create(hostd)
    snapshot(hostd, "monday")
    wanted: list[tuple[str, p.Params]] = [
        ("restore-snapshot", p.RestoreSnapshot(name="web1", snapshot="sunday")),
        ("delete-snapshot", p.DeleteSnapshot(name="web1", snapshot="sunday")),
        ("clone-antlet", p.CloneAntlet(source="web1", snapshot="sunday", name="web2")),
    ]
    for kind, params in wanted:
        with pytest.raises(NotFoundError, match="it has: monday"):
            hostd.agent.submit(kind, params)


def test_restoring_names_the_newer_snapshots_it_would_destroy(hostd: Hostd) -> None:
    create(hostd)
    for name in ("a", "b", "c"):
        snapshot(hostd, name)
    with pytest.raises(RefusedError, match="b, c") as caught:
        hostd.agent.submit("restore-snapshot", p.RestoreSnapshot(name="web1", snapshot="a"))
    assert caught.value.items == ("b", "c")


def test_restoring_never_destroys_clones(hostd: Hostd) -> None:
    create(hostd)
    snapshot(hostd, "a")
    snapshot(hostd, "b")
    job = hostd.run("clone-antlet", p.CloneAntlet(source="web1", snapshot="b", name="web2"))
    assert job.state is JobState.DONE
    with pytest.raises(RefusedError, match="antlets/web2"):
        hostd.agent.submit(
            "restore-snapshot", p.RestoreSnapshot(name="web1", snapshot="a", destroy_newer=True)
        )


@pytest.mark.parametrize("force", [False, True])
def test_what_has_clones_is_not_deleted(hostd: Hostd, force: bool) -> None:
    create(hostd)
    assert hostd.run("clone-antlet", p.CloneAntlet(source="web1", name="web2")).state is JobState.DONE
    with pytest.raises(RefusedError, match="antlets/web2"):
        hostd.agent.submit("delete-antlet", p.DeleteAntlet(name="web1", force=force))
    taken = hostd.agent.snapshots("web1")[0].name
    with pytest.raises(RefusedError, match="antlets/web2"):
        hostd.agent.submit("delete-snapshot", p.DeleteSnapshot(name="web1", snapshot=taken))


def test_a_clone_takes_the_snapshot_made_for_it_along(hostd: Hostd) -> None:
    create(hostd)
    hostd.run("clone-antlet", p.CloneAntlet(source="web1", name="web2"))
    assert hostd.run("delete-antlet", p.DeleteAntlet(name="web2")).state is JobState.DONE
    assert hostd.agent.snapshots("web1") == ()
    assert hostd.run("delete-antlet", p.DeleteAntlet(name="web1")).state is JobState.DONE


def test_a_snapshot_that_somebody_took_outlives_its_clone_whatever_its_name(hostd: Hostd) -> None:
    create(hostd)
    snapshot(hostd, "clone-of-monday")
    job = hostd.run("clone-antlet", p.CloneAntlet(source="web1", snapshot="clone-of-monday", name="web2"))
    assert job.state is JobState.DONE
    assert hostd.run("delete-antlet", p.DeleteAntlet(name="web2")).state is JobState.DONE
    assert [one.name for one in hostd.agent.snapshots("web1")] == ["clone-of-monday"]


def test_a_damaged_antlet_is_not_started_but_can_be_deleted(hostd: Hostd) -> None:
    create(hostd)
    (hostd.world.storage.root / "antlets/web1/antlet.yaml").write_text("name: [")
    with pytest.raises(RefusedError, match=r"antlet\.yaml"):
        hostd.agent.submit("start-antlet", p.AntletAction(name="web1"))
    with pytest.raises(EdgeLinuxError, match=r"antlet\.yaml"):
        hostd.agent.submit("update-antlet", p.UpdateAntlet(name="web1", ram=64))
    assert hostd.run("delete-antlet", p.DeleteAntlet(name="web1")).state is JobState.DONE


def test_deleting_leaves_alone_what_took_its_place(hostd: Hostd) -> None:
    create(hostd)
    storage = hostd.world.storage
    (hostd.faults / "kill-at").write_text("delete-antlet/mark/done")
    job = hostd.agent.submit("delete-antlet", p.DeleteAntlet(name="web1"))
    with pytest.raises(Abandoned):
        hostd.engine.work()
    storage.filesystems["antlets/web1"].properties.clear()
    hostd.start()
    finished = hostd.finish(job.id)
    assert finished.state is JobState.FAILED
    assert "left alone" in finished.error
    assert "antlets/web1" in storage.filesystems


def test_an_antlet_that_does_not_start_is_kept_with_a_warning(hostd: Hostd) -> None:
    hostd.world.runtimes["lxc"].broken = "init is missing"
    job = hostd.run("create-antlet", p.CreateAntlet(name="web1", template="debian-13.lxc", start=True))
    assert job.state is JobState.DONE
    assert "init is missing" in job.result["warning"]
    assert hostd.agent.antlet("web1").state is State.STOPPED


def test_one_that_does_not_shut_down_is_ended_by_force(hostd: Hostd) -> None:
    create(hostd, start=True)
    hostd.world.runtimes["lxc"].stubborn = True
    job = hostd.run("stop-antlet", p.StopAntlet(name="web1", timeout=0.1))
    assert job.state is JobState.DONE
    assert any("ended by force" in line for line in hostd.agent.job_log(job.id))
    assert hostd.agent.antlet("web1").state is State.STOPPED


def test_a_quota_below_what_is_used_is_refused(hostd: Hostd, monkeypatch: pytest.MonkeyPatch) -> None:
    create(hostd)
    from dataclasses import replace

    describe: Callable[[str], object] = hostd.world.storage._describe
    monkeypatch.setattr(
        hostd.world.storage,
        "_describe",
        lambda name: replace(describe(name), used=1 << 30),  # type: ignore[type-var]
    )
    with pytest.raises(RefusedError, match="uses"):
        hostd.agent.submit("update-antlet", p.UpdateAntlet(name="web1", quota=1 << 20))


def test_disks_only_grow_and_only_machines_have_one(hostd: Hostd) -> None:
    create(hostd)
    create(hostd, "vm1", template="tiny")
    disk = hostd.world.storage.root / "antlets/vm1/disks/disk0.raw"
    disk.write_bytes(bytes(4096))
    with pytest.raises(InvalidError, match="it has a quota"):
        hostd.agent.submit("update-antlet", p.UpdateAntlet(name="web1", disk=1 << 20))
    with pytest.raises(InvalidError, match="it has 4096 bytes"):
        hostd.agent.submit("update-antlet", p.UpdateAntlet(name="vm1", disk=100))
    job = hostd.run("update-antlet", p.UpdateAntlet(name="vm1", disk=1 << 20))
    assert (job.state, disk.stat().st_size) == (JobState.DONE, 1 << 20)


def test_forgetting_a_pool(hostd: Hostd, monkeypatch: pytest.MonkeyPatch) -> None:
    record = hostd.world.record
    for guid, name in ((4711, "usb"), (4712, "usb"), (4713, "attic")):
        registry.record(guid, name, record)
    with pytest.raises(NotFoundError, match="there is no pool nope"):
        hostd.agent.submit("forget-pool", p.ForgetPool(name="nope"))
    with pytest.raises(RefusedError, match="2 pools called usb are absent"):
        hostd.agent.submit("forget-pool", p.ForgetPool(name="usb"))
    job = hostd.run("forget-pool", p.ForgetPool(name="4712"))
    assert (job.state, job.result) == (JobState.DONE, {"pool": "usb", "guid": "4712"})
    assert registry.load(record) == {4711: "usb", 4713: "attic"}
    # It comes back before its turn has come.
    job = hostd.agent.submit("forget-pool", p.ForgetPool(name="attic"))
    monkeypatch.setattr(hostd.world, "imported", lambda: {1: "antlets", 4713: "attic"})
    job = hostd.finish(job.id)
    assert (job.state, job.exit_code, job.unsettled) == (JobState.FAILED, 5, False)
    assert job.error.startswith("pool attic is imported")
    assert registry.load(record) == {4711: "usb", 4713: "attic"}
