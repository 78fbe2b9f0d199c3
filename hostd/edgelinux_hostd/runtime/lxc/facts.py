"""What of the host decides how a container is configured, read when it is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.runtime.lxc.limits import parse_cpu_list

__all__ = ["GENERATED", "Facts", "read_facts"]

# liblxc's own list of system calls that no container needs; it is the same file on every base.
_SECCOMP = "usr/share/lxc/config/common.seccomp"

# hostd's own profile (apparmor/lxc-antlet), and liblxc's word for one that it compiles at each start.
_PROFILE, GENERATED = "lxc-antlet", "generated"


@dataclass(frozen=True)
class Facts:
    """`apparmor`: the profile for unprivileged containers, "" when the host has none in force.

    `cpus`: processors that are online. `seccomp`: the file for liblxc, "" for none.

    `busy`: the processors that each other running antlet was given.
    """

    cpus: tuple[int, ...] = (0,)
    apparmor: str = ""
    seccomp: str = ""
    busy: tuple[tuple[int, ...], ...] = ()


def read_facts(root: Path = Path("/"), busy: tuple[tuple[int, ...], ...] = ()) -> Facts:
    """Read them from /sys and /usr below `root`."""
    try:
        online = (root / "sys/devices/system/cpu/online").read_text(encoding="ascii")
    except OSError:
        online = ""
    seccomp = root / _SECCOMP
    return Facts(
        cpus=parse_cpu_list(online) or (0,),
        apparmor=_apparmor(root),
        seccomp=f"/{_SECCOMP}" if seccomp.exists() else "",
        busy=busy,
    )


def _apparmor(root: Path) -> str:
    try:
        loaded = (root / "sys/kernel/security/apparmor/profiles").read_text(encoding="utf-8")
    except OSError:
        return ""
    names = {line.split(" ")[0] for line in loaded.splitlines()}
    if not names:
        return ""
    return _PROFILE if _PROFILE in names else GENERATED
