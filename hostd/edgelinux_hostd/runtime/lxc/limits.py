"""What a container may use, as cgroup v2 says it: the same for its configuration and, live, its files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.runtime.lxc.domain import Domain

__all__ = ["Limits", "cpu_list", "limits", "parse_cpu_list", "pick_cpus"]

_MIB = 1 << 20
# cgroup-v2.rst, cpu.max: microseconds of a period that may be used; 100 ms is the kernel's own default.
_PERIOD = 100_000
# A systemd guest idles with some 20 tasks; a fork bomb must end long before the host's own processes suffer.
_PIDS = (512, 4, 32768)  # at least, for each MiB of RAM, at most


@dataclass(frozen=True)
class Limits:
    """cgroup v2 files by name and what is written to them."""

    files: tuple[tuple[str, str], ...]

    def get(self, file: str) -> str:
        """Give what is written to a file, "" when it is left alone."""
        return dict(self.files).get(file, "")


def limits(spec: AntletSpec, domain: Domain, cpus: Sequence[int]) -> Limits:
    """Decide an antlet's limits; `cpus` are the host's processors it shall run on, empty for all.

    Without lxcfs (EL has none) a guest counts its processors by its affinity, so a set of as many as it may
    use makes nproc, make -j and the like right.
    """
    ram = spec.ram * _MIB
    least, each, most = _PIDS
    files = [
        ("memory.max", str(ram)),
        # Nothing swaps on ZFS, and a host's swap is not the guests'.
        ("memory.swap.max", "0"),
        ("memory.high", str(domain.high) if 0 < domain.high < ram else "max"),
        ("cpu.max", f"{spec.cpu * _PERIOD} {_PERIOD}"),
        ("cpu.weight", str(min(max(domain.shares, 1), 10000)) if domain.shares else "100"),
        ("pids.max", str(min(max(spec.ram * each, least), most))),
    ]
    chosen = domain.cpuset or cpu_list(cpus)
    if chosen:
        files.append(("cpuset.cpus", chosen))
    return Limits(tuple(files))


def pick_cpus(host: Sequence[int], busy: Collection[Sequence[int]], count: int) -> tuple[int, ...]:
    """Choose processors for an antlet: those that the fewest others were given. Empty means all.

    `busy` holds what each other antlet was given.
    """
    if count >= len(host):
        return ()
    load = {cpu: sum(cpu in others for others in busy) for cpu in host}
    return tuple(sorted(sorted(host, key=lambda cpu: (load[cpu], cpu))[:count]))


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Read the kernel's list of processors ("0-3,6", cpuset(7)); what is not one is empty."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def cpu_list(cpus: Sequence[int]) -> str:
    """Write processors as the kernel reads them."""
    return ",".join(str(cpu) for cpu in cpus)
