"""What of the host decides how a container is configured, read when it is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.runtime.lxc.limits import parse_cpu_list

__all__ = ["Facts", "read_facts"]

# liblxc's own list of system calls that no container needs; it is the same file on every base.
_SECCOMP = "usr/share/lxc/config/common.seccomp"


@dataclass(frozen=True)
class Facts:
    """`apparmor`: its profiles are enforced. `cpus`: processors that are online. `seccomp`: "" for none.

    `busy`: the processors that each other running antlet was given.
    """

    cpus: tuple[int, ...] = (0,)
    apparmor: bool = False
    seccomp: str = ""
    busy: tuple[tuple[int, ...], ...] = ()


def read_facts(root: Path = Path("/"), busy: tuple[tuple[int, ...], ...] = ()) -> Facts:
    """Read them from /sys and /usr below `root`."""
    try:
        online = (root / "sys/devices/system/cpu/online").read_text(encoding="ascii")
    except OSError:
        online = ""
    apparmor = root / "sys/kernel/security/apparmor/profiles"
    # liblxc makes a profile for each container, which takes the parser.
    parser = any((root / path).exists() for path in ("usr/sbin/apparmor_parser", "sbin/apparmor_parser"))
    seccomp = root / _SECCOMP
    return Facts(
        cpus=parse_cpu_list(online) or (0,),
        apparmor=apparmor.exists() and parser,
        seccomp=f"/{_SECCOMP}" if seccomp.exists() else "",
        busy=busy,
    )
