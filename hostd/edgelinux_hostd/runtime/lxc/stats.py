"""What a container uses, from cgroup v2 and from its host's ports: no program is started."""

from __future__ import annotations

from pathlib import Path

from edgelinux_hostd.runtime.base import Stats
from edgelinux_hostd.runtime.lxc.cgroup import Cgroup

__all__ = ["read_stats"]

_MICROSECONDS = 1_000_000


def read_stats(cgroup: Cgroup, config: Path, root: Path = Path("/")) -> Stats:
    """Read a running container's figures; its configuration tells its ports."""
    cpu = cgroup.table("cpu.stat")
    read, written = _disk(cgroup.read("io.stat"))
    received, sent = _network(ports(config), root)
    return Stats(
        cpu_seconds=cpu.get("usage_usec", 0) / _MICROSECONDS,
        # As the limit sees it, without what the kernel gives back at once when it is needed.
        memory=max(cgroup.number("memory.current") - cgroup.table("memory.stat").get("inactive_file", 0), 0),
        memory_limit=cgroup.number("memory.max"),
        disk_read=read,
        disk_written=written,
        net_received=received,
        net_sent=sent,
        processes=cgroup.number("pids.current"),
    )


def ports(config: Path) -> tuple[str, ...]:
    """List the host's ports that a configuration gives a container."""
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    items = (line.partition(" = ") for line in lines)
    return tuple(value for key, _, value in items if key.endswith(".veth.pair"))


def _disk(text: str) -> tuple[int, int]:
    """Sum io.stat over devices."""
    words = [word.partition("=") for line in text.splitlines() for word in line.split()[1:]]
    sums = [sum(int(value) for key, _, value in words if key == name) for name in ("rbytes", "wbytes")]
    return sums[0], sums[1]


def _network(names: tuple[str, ...], root: Path) -> tuple[int, int]:
    """Sum what the guest received and sent: what its ports on the host sent and received."""
    return _sum(names, "tx_bytes", root), _sum(names, "rx_bytes", root)


def _sum(names: tuple[str, ...], counter: str, root: Path) -> int:
    total = 0
    for name in names:
        try:
            total += int((root / "sys/class/net" / name / "statistics" / counter).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return total
