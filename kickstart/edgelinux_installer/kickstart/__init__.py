"""Reading kickstart: RHEL 10 syntax through pykickstart, with ZFS in an `%addon edgelinux_zfs` section."""

from edgelinux_installer.kickstart.errors import KickstartError
from edgelinux_installer.kickstart.include import Fetch
from edgelinux_installer.kickstart.model import (
    Bootloader,
    ClearPart,
    Firewall,
    Group,
    Kickstart,
    Network,
    Notice,
    Packages,
    RootPassword,
    Script,
    ScriptKind,
    SshKey,
    TimeSource,
    User,
    ZfsAddon,
)
from edgelinux_installer.kickstart.reader import read_kickstart
from edgelinux_installer.kickstart.supported import RESERVED_ARGUMENTS, SUPPORTED

__all__ = [
    "RESERVED_ARGUMENTS",
    "SUPPORTED",
    "Bootloader",
    "ClearPart",
    "Fetch",
    "Firewall",
    "Group",
    "Kickstart",
    "KickstartError",
    "Network",
    "Notice",
    "Packages",
    "RootPassword",
    "Script",
    "ScriptKind",
    "SshKey",
    "TimeSource",
    "User",
    "ZfsAddon",
    "read_kickstart",
]
