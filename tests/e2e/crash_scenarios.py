"""What each kind of job is tried on and with when hostd is killed in it: data, and nothing else.

All that scenarios make is named crash…; `tidy` in `crashes` takes it away again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BASE_IP", "SCENARIOS", "Do", "Scenario", "scenarios_of"]

BASE_IP = "10.1.1."


@dataclass(frozen=True)
class Do:
    """A job that prepares a scenario."""

    kind: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A job to be killed in. `prepare` are jobs, and scripts for the host's shell, in order.

    With `needs_disk` the host must have a disk that nothing uses; its path is in the scripts' variable `disk`
    and stands for @disk in parameters.
    """

    name: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    prepare: tuple[Do | str, ...] = ()
    needs_disk: bool = False


def _create(template: str = "debian-13.lxc", **more: Any) -> Do:
    return Do("create-antlet", {"name": "crash1", "number": 240, "template": template, **more})


STOPPED = _create()
RUNNING = _create(start=True)
MACHINE = _create("tiny")
RUNNING_MACHINE = _create("tiny", start=True)
PAUSED = Do("pause-antlet", {"name": "crash1"})

# A root so small that templates of it are made in a moment. It does not run.
TARBALL = r"""
mkdir -p /run/crash-root/etc /run/crash-root/sbin
printf '#!/bin/sh\n' > /run/crash-root/sbin/init && chmod 755 /run/crash-root/sbin/init
tar -C /run/crash-root -cf /run/crash-root.tar etc sbin
rm -r /run/crash-root
"""
IMPORT = Do("import-template", {"source": "/run/crash-root.tar", "template": "crash.lxc"})
SMALL = (TARBALL, IMPORT, _create("crash.lxc"))

# Each state of the antlet has another mark in it.
MARK = "echo {0} > /antlets/crash1/rootfs/etc/crash-mark"
SNAPSHOTS = (
    STOPPED,
    MARK.format("a"),
    Do("take-snapshot", {"name": "crash1", "snapshot": "a"}),
    MARK.format("b"),
    Do("take-snapshot", {"name": "crash1", "snapshot": "b"}),
    MARK.format("c"),
)

# A pool as another host would have left it, with an antlet that is not here.
FOREIGN_POOL = r"""
set -eu
zpool create -f -o cachefile=none -O mountpoint=/crashpool crashpool "$disk"
zfs create -o edgelinux:kind=antlet -o edgelinux:name=crash7 -o edgelinux:number=247 \
    -o edgelinux:uuid=4f2c1d3e-8a5b-4c6d-9e7f-0123456789ab crashpool/crash7
cp -a /antlets/crash1/*.yaml /antlets/crash1/*.j2 /crashpool/crash7/
sed -i -e 's/^name:.*/name: crash7/' -e 's/^number:.*/number: 247/' \
    -e 's/^uuid:.*/uuid: 4f2c1d3e-8a5b-4c6d-9e7f-0123456789ab/' /crashpool/crash7/antlet.yaml
mkdir -p /crashpool/crash7/rootfs/etc
zpool export crashpool
rmdir /crashpool 2> /dev/null || true
"""

# A pool that should be here, and has no disks any more.
ABSENT_POOL = r"""
python3 -I -c 'from edgelinux_hostd.storage import registry; registry.record(4711471147114711, "crashgone")'
"""

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "create",
        "create-antlet",
        {
            "name": "crash1",
            "template": "debian-13.lxc",
            "number": 240,
            "quota": 1 << 30,
            "compression": "off",
            "start": True,
        },
    ),
    Scenario(
        "create-machine",
        "create-antlet",
        {"name": "crash1", "template": "tiny", "number": 240, "start": True},
    ),
    Scenario("clone", "clone-antlet", {"source": "crash1", "name": "crash2", "number": 241}, SNAPSHOTS),
    Scenario("start", "start-antlet", {"name": "crash1"}, (STOPPED,)),
    Scenario("start-machine", "start-antlet", {"name": "crash1"}, (MACHINE,)),
    Scenario("stop", "stop-antlet", {"name": "crash1", "timeout": 10}, (RUNNING,)),
    Scenario("stop-machine", "stop-antlet", {"name": "crash1", "timeout": 2}, (RUNNING_MACHINE,)),
    Scenario("kill", "kill-antlet", {"name": "crash1"}, (RUNNING,)),
    Scenario("kill-machine", "kill-antlet", {"name": "crash1"}, (RUNNING_MACHINE,)),
    Scenario("pause", "pause-antlet", {"name": "crash1"}, (RUNNING,)),
    Scenario("resume", "resume-antlet", {"name": "crash1"}, (RUNNING, PAUSED)),
    Scenario("resume-machine", "resume-antlet", {"name": "crash1"}, (RUNNING_MACHINE, PAUSED)),
    Scenario("reboot", "reboot-antlet", {"name": "crash1", "timeout": 10}, (RUNNING,)),
    Scenario(
        "update",
        "update-antlet",
        {
            "name": "crash1",
            "number": 242,
            "ram": 256,
            "quota": 2 << 30,
            "compression": "lz4",
            "autostart": True,
        },
        (STOPPED,),
    ),
    Scenario("rename", "rename-antlet", {"name": "crash1", "new-name": "crash9"}, (STOPPED,)),
    Scenario("rename-machine", "rename-antlet", {"name": "crash1", "new-name": "crash9"}, (MACHINE,)),
    Scenario("snapshot", "take-snapshot", {"name": "crash1", "snapshot": "now"}, (RUNNING,)),
    Scenario("delete-snapshot", "delete-snapshot", {"name": "crash1", "snapshot": "a"}, SNAPSHOTS),
    Scenario(
        "restore",
        "restore-snapshot",
        {"name": "crash1", "snapshot": "a", "destroy-newer": True},
        SNAPSHOTS,
    ),
    Scenario("delete", "delete-antlet", {"name": "crash1", "force": True}, SNAPSHOTS),
    Scenario("delete-running", "delete-antlet", {"name": "crash1", "force": True}, (RUNNING,)),
    Scenario("import-template", IMPORT.kind, IMPORT.params, (TARBALL,)),
    Scenario("make-template", "make-template", {"antlet": "crash1", "template": "crash-made.lxc"}, SMALL),
    Scenario("delete-template", "delete-template", {"template": "crash.lxc"}, (TARBALL, IMPORT)),
    Scenario("rebase-network", "rebase-network", {"base-ip": "10.9.9.", "restart": True}, (RUNNING,)),
    Scenario(
        "create-pool",
        "create-pool",
        {"name": "crashpool", "layout": "single", "disks": ["@disk"], "erase": True},
        needs_disk=True,
    ),
    Scenario("scrub-pool", "scrub-pool", {"name": "antlets"}),
    Scenario("forget-pool", "forget-pool", {"name": "crashgone"}, (ABSENT_POOL,)),
    Scenario(
        "recover",
        "recover",
        {"pools": ["crashpool"]},
        (STOPPED, FOREIGN_POOL),
        needs_disk=True,
    ),
)


def scenarios_of(kind: str) -> tuple[Scenario, ...]:
    """What a kind of job is tried on."""
    return tuple(one for one in SCENARIOS if one.kind == kind)
