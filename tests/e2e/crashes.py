"""hostd killed at one point of one job, in an installed host: tests/e2e/crashes.py.

    from tests.e2e.crash_scenarios import SCENARIOS
    from tests.e2e.crashes import points_of, reference, run_point

    whole = reference(host, scenario)            # once for a scenario: what an undisturbed job comes to
    outcome = run_point(host, point, scenario, whole)
    assert not outcome.wrong

`host` is a testinfra host. The points come from the job definitions, so a new step is covered by itself.
`make test` samples them, `make test-long` goes through all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgelinux_hostd.jobs.faults import UNDONE, crash_points
from edgelinux_hostd.operations.kinds import operations

from tests.e2e.crash_scenarios import BASE_IP, Do, Scenario
from tests.e2e.hostapi import await_job, call, run_job, submit
from tests.e2e.pictures import Picture, differences, orphans, settled
from tests.unit.hostd.world import World

__all__ = ["Outcome", "Reference", "free_disk", "kinds", "points_of", "reference", "run_point", "tidy"]

# What hostd never made must be there after every crash: a dataset in its pool with one below, a snapshot, a
# file, and a table of nftables.
FOREIGN = r"""
zfs list antlets/foreign > /dev/null 2>&1 && exit 0
set -e
zfs create -o mountpoint=/antlets/foreign antlets/foreign
zfs create antlets/foreign/below
echo kept > /antlets/foreign/below/file
zfs snapshot antlets/foreign/below@kept
nft add table inet foreign
"""
STILL_THERE = r"""
zfs list antlets/foreign antlets/foreign/below antlets/foreign/below@kept > /dev/null || exit 1
test "$(cat /antlets/foreign/below/file)" = kept || exit 2
nft list table inet foreign > /dev/null || exit 3
"""

# What a crash that was not made good leaves, and what has no job to take it away.
TIDY = r"""
rm -rf /run/edgelinux/faults /run/crash-root*
zpool scrub -s antlets 2> /dev/null
grep -q crashgone /var/lib/edgelinux/pools.json 2> /dev/null &&
    python3 -I -c 'from edgelinux_hostd.storage import registry; registry.forget(4711471147114711)'
for dataset in $(zfs list -H -o name | grep -E '^antlets/(TEMPLATES/)?crash[^/]*$' | sort -r); do
    zfs destroy -R "$dataset"
done
"""
TIDY_DISK = r"""
zpool list crashpool > /dev/null 2>&1 || zpool import -f -N crashpool 2> /dev/null
if guid=$(zpool get -H -o value guid crashpool 2> /dev/null); then
    zpool destroy -f crashpool
    python3 -I -c "from edgelinux_hostd.storage import registry; registry.forget($guid)"
fi
rmdir /crashpool 2> /dev/null
for part in "$disk"*[0-9]; do test -b "$part" && zpool labelclear -f "$part" 2> /dev/null; done
wipefs --all --quiet "$disk"
udevadm settle
"""


@dataclass(frozen=True)
class Reference:
    """A host before and after a job of a scenario that nothing disturbed."""

    before: Picture
    after: Picture


@dataclass(frozen=True)
class Outcome:
    """How a job ended in which hostd was killed. Nothing in `wrong`: all is well."""

    point: str
    job: Mapping[str, Any]
    wrong: tuple[str, ...]


@cache
def kinds() -> Mapping[str, tuple[str, ...]]:
    """All kinds of jobs, each with its points."""
    with tempfile.TemporaryDirectory() as scratch:
        found = operations(World(Path(scratch)).services(), ())
    return {name: tuple(crash_points([one.kind])) for name, one in found.items()}


def points_of(scenario: Scenario) -> tuple[str, ...]:
    """Where hostd can be killed in a scenario's job."""
    return kinds()[scenario.kind]


def free_disk(host: Any) -> str:
    """Name a disk that nothing uses; empty when there is none."""
    disks = call(host, "GET", "/api/disks/free").body
    return str(disks[0]["path"]) if disks else ""


def reference(host: Any, scenario: Scenario) -> Reference:
    """Run a scenario's job undisturbed; the host is tidy afterwards."""
    tidy(host)  # an earlier run may have been interrupted
    disk = _prepare(host, scenario)
    before = settled(host)
    run_job(host, scenario.kind, _params(scenario, disk))
    after = settled(host)
    tidy(host, disk)
    return Reference(before, after)


def run_point(host: Any, point: str, scenario: Scenario, whole: Reference | None = None) -> Outcome:
    """Kill hostd at a point of a scenario's job, wait until the job is over, and judge what is left.

    Without `whole` an undisturbed run is made for it first. The host is tidy afterwards.
    """
    whole = whole or reference(host, scenario)
    kind, step, when = point.split("/")
    assert kind == scenario.kind, f"{point} is no point of {scenario.name}"
    disk = _prepare(host, scenario)
    before = settled(host, whole.before)
    pid = host.check_output("systemctl show --value --property MainPID hostd")
    faults = [f"kill-at {point}"] + ([f"fail-at {kind}/{step}"] if when == UNDONE else [])
    host.check_output("mkdir -m 700 -p /run/edgelinux/faults")
    for fault in faults:
        name, text = fault.split()
        host.check_output("echo %s > /run/edgelinux/faults/%s", text, name)
    job = await_job(host, submit(host, kind, _params(scenario, disk)))
    wanted = before if when == UNDONE else whole.after
    now = settled(host, wanted)
    wrong = differences(whole.before, before) and [
        "before: " + line for line in differences(whole.before, before)
    ]
    if host.file("/run/edgelinux/faults/kill-at").exists:
        wrong.append("hostd did not come to the point")
    elif host.check_output("systemctl show --value --property MainPID hostd") == pid:
        wrong.append("hostd was not killed")
    if (job["state"] == "done") == (when == UNDONE):
        wrong.append(f"the job is {job['state']}: {job['error']}")
    wrong += differences(wanted, now) + orphans(now)
    if (status := host.run("bash -c %s", STILL_THERE).rc) != 0:
        wrong.append(f"something that hostd did not make is gone ({status})")
    if active := call(host, "GET", "/api/jobs?active=true").body:
        wrong.append(f"jobs are not over: {[one['id'] for one in active]}")
    if wrong:
        wrong += [
            f"log: {line}" for line in str(call(host, "GET", f"/api/jobs/{job['id']}/log").body).splitlines()
        ]
    tidy(host, disk)
    return Outcome(point, job, tuple(wrong))


def _prepare(host: Any, scenario: Scenario) -> str:
    """Bring a host to where a scenario's job begins; the path of the disk it uses, if it does."""
    disk = ""
    if scenario.needs_disk:
        disk = free_disk(host)
        assert disk, f"{scenario.name}: the host has no disk that nothing uses"
    done = host.run("bash -c %s", FOREIGN)
    assert done.rc == 0, done.stderr
    for step in scenario.prepare:
        if isinstance(step, Do):
            run_job(host, step.kind, step.params)
        else:
            done = host.run("disk=%s bash -c %s", disk, step)
            assert done.rc == 0, f"{scenario.name}: {done.stderr}"
    return disk


def _params(scenario: Scenario, disk: str) -> dict[str, Any]:
    def filled(value: Any) -> Any:
        return [disk if word == "@disk" else word for word in value] if isinstance(value, list) else value

    return {name: filled(value) for name, value in scenario.params.items()}


def tidy(host: Any, disk: str = "") -> None:
    """Take away all that scenarios make, by hostd's own means as far as there are."""
    if call(host, "GET", "/api/system/base-ip").body["base-ip"] != BASE_IP:
        run_job(host, "rebase-network", {"base-ip": BASE_IP, "restart": True})
    # Clones have later names than what they are clones of.
    antlets = [one["dname"] for one in call(host, "GET", "/api/antlets").body]
    for name in sorted(antlets, reverse=True):
        if name.startswith("crash"):
            run_job(host, "delete-antlet", {"name": name, "force": True})
    for one in call(host, "GET", "/api/templates").body:
        if str(one["name"]).startswith("crash"):
            run_job(host, "delete-template", {"template": one["name"]})
    host.run("bash -c %s", TIDY)
    if disk:
        host.run("disk=%s bash -c %s", disk, TIDY_DISK)
