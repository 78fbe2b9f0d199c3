"""Changes to a container that runs: what cgroup v2 can do at once, and names for what cannot be done."""

from __future__ import annotations

import contextlib
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.lxc.cgroup import Cgroup
from edgelinux_hostd.runtime.lxc.config import render_config
from edgelinux_hostd.runtime.lxc.facts import Facts
from edgelinux_hostd.runtime.lxc.limits import cpu_list, parse_cpu_list

__all__ = ["apply", "waiting"]

_LIMIT = "lxc.cgroup2."
# A limit that can be changed live; devices.allow and the like are programs, not values.
_LIVE = ("memory.swap.max", "memory.high", "cpu.max", "cpu.weight", "pids.max")


def apply(cgroup: Cgroup, directory: Path, launch: Launch, facts: Facts) -> tuple[str, ...]:
    """Set a running container's limits; `directory` holds the configuration that it was started with.

    They are written down there for a reboot from inside, too (lxc/lxc-limits). Gives the names of what its
    next start will change, sorted. Raises EdgeLinuxError.
    """
    after = render_config(launch, facts)
    wanted = dict(_items(after))
    left = set(waiting((directory / "config").read_text(encoding="utf-8"), after))
    changed = {file: wanted[_LIMIT + file] for file in _LIVE}
    cpus = _processors(cgroup, wanted.get(f"{_LIMIT}cpuset.cpus", ""), facts)
    if cpus:
        changed["cpuset.cpus"] = cpus
    for file, value in changed.items():
        cgroup.write(file, value)
    maximum = wanted[f"{_LIMIT}memory.max"]
    if _memory(cgroup, int(maximum), changed["memory.high"]):
        changed["memory.max"] = maximum
    else:
        left.add("ram")
    scratch = directory / "limits.new"
    scratch.write_text("".join(f"{file} {value}\n" for file, value in changed.items()), encoding="ascii")
    scratch.replace(directory / "limits")
    return tuple(sorted(left))


def waiting(before: str, after: str) -> tuple[str, ...]:
    """Name what two configurations differ in, apart from limits."""
    changed = set(_items(before)) ^ set(_items(after))
    return tuple(sorted({_word(key) for key, _ in changed if not key.startswith(_LIMIT)}))


def _word(key: str) -> str:
    words = {"net": "nics", "idmap": "number", "uts": "name"}
    part = key.split(".")[1]
    return words.get(part, part)


def _items(config: str) -> list[tuple[str, str]]:
    pairs = (line.partition(" = ") for line in config.splitlines() if not line.startswith("#"))
    return [(key, value) for key, _, value in pairs]


def _processors(cgroup: Cgroup, wanted: str, facts: Facts) -> str:
    """Decide the set: the one it has when its size is right, so that a guest is not moved for nothing."""
    text = cgroup.read("cpuset.cpus")
    count = len(parse_cpu_list(wanted)) or len(facts.cpus)
    if len(parse_cpu_list(text) or facts.cpus) == count:
        return text
    return wanted or cpu_list(facts.cpus)


def _memory(cgroup: Cgroup, wanted: int, high: str) -> bool:
    """Set memory.max; false when the guest uses more and would lose a process to it.

    memory.high first lets the kernel take back what it can.
    """
    if cgroup.number("memory.current") > wanted:
        cgroup.write("memory.high", str(wanted))
        with contextlib.suppress(EdgeLinuxError):
            cgroup.write("memory.reclaim", str(cgroup.number("memory.current") - wanted))
        fits = cgroup.number("memory.current") <= wanted
        cgroup.write("memory.high", high)
        if not fits:
            return False
    cgroup.write("memory.max", str(wanted))
    return True
