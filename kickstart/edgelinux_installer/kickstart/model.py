"""What a kickstart says, once read: plain data without pykickstart, each with the line it stood on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edgelinux_hostd.report.target import Target

from edgelinux_installer.kickstart.errors import KickstartError
from edgelinux_installer.kickstart.include import Expanded

__all__ = [
    "Bootloader",
    "ClearPart",
    "Finish",
    "Firewall",
    "Group",
    "Kickstart",
    "Network",
    "Notice",
    "Packages",
    "RootPassword",
    "Script",
    "ScriptKind",
    "Selinux",
    "Services",
    "SshKey",
    "TimeSource",
    "User",
    "ZfsAddon",
]

Finish = Literal["reboot", "poweroff", "halt"]
Selinux = Literal["enforcing", "permissive", "disabled"]
ScriptKind = Literal["pre", "pre-install", "post", "onerror", "traceback"]


@dataclass(frozen=True)
class Notice:
    """Something that is valid and has no effect, or not the one that might be expected."""

    line: int
    text: str


@dataclass(frozen=True)
class ZfsAddon:
    """The `%addon edgelinux_zfs` section. `disks` is how many are asked for; 0 = as many as are selected."""

    pool: str = "antlets"
    layout: Literal["mirror", "single"] = "mirror"
    disks: int = 0
    select: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class ClearPart:
    """What may be erased: nothing, what is Linux's, or everything; on all disks, or on those in `drives`."""

    erase: Literal["nothing", "linux", "everything"] = "nothing"
    drives: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Network:
    """One `network` line that configures a device.

    `device` is a name, a MAC address or `link`: the card itself, the bridge over `ports`, the bond of
    `bond_ports`, or what the VLAN `vlan` lies on (0: no VLAN), whose own name may be `vlan_name`. `ip` is ""
    where the address comes from DHCP; `ipv6` is auto, dhcp, ignore, disabled or an address with its prefix.
    """

    device: str = "link"
    ports: tuple[str, ...] = ()
    bridge_options: tuple[tuple[str, str], ...] = ()
    bond_ports: tuple[str, ...] = ()
    bond_options: tuple[tuple[str, str], ...] = ()
    vlan: int = 0
    vlan_name: str = ""
    ipv4: Literal["dhcp", "static", "disabled"] = "dhcp"
    ip: str = ""
    netmask: str = ""
    gateway: str = ""
    dhcp_class: str = ""
    ipv6: str = "auto"
    ipv6_gateway: str = ""
    nameservers: tuple[str, ...] = ()
    ipv4_search: tuple[str, ...] = ()
    ipv6_search: tuple[str, ...] = ()
    ipv4_own_dns: bool = False
    ipv6_own_dns: bool = False
    default_route: bool = True
    mtu: int = 0
    onboot: bool = True
    line: int = 0


@dataclass(frozen=True)
class RootPassword:
    """`rootpw`: a password (crypted or plain) or a locked account, or both."""

    password: str = field(default="", repr=False)
    crypted: bool = False
    locked: bool = False
    line: int = 0


@dataclass(frozen=True)
class User:
    """One `user` line; uid and gid are None when the system chooses."""

    name: str
    password: str = field(default="", repr=False)
    crypted: bool = False
    locked: bool = False
    groups: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    homedir: str = ""
    shell: str = ""
    gecos: str = ""
    line: int = 0


@dataclass(frozen=True)
class Group:
    """One `group` line; gid is None when the system chooses."""

    name: str
    gid: int | None = None
    line: int = 0


@dataclass(frozen=True)
class SshKey:
    """One `sshkey` line."""

    user: str
    key: str
    line: int = 0


@dataclass(frozen=True)
class TimeSource:
    """One `timesource` line: a server or a pool."""

    host: str
    kind: Literal["server", "pool"] = "server"
    nts: bool = False
    line: int = 0


@dataclass(frozen=True)
class Firewall:
    """The `firewall` line; ports are "number:protocol" or "first-last:protocol", `trusted` are devices."""

    enabled: bool = True
    ports: tuple[str, ...] = ()
    services: tuple[str, ...] = ("ssh",)
    trusted: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Services:
    """The `services` line: units to enable and to disable."""

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Bootloader:
    """The `bootloader` line: kernel arguments, and the seconds that the menu waits (None: as always)."""

    append: tuple[str, ...] = ()
    timeout: int | None = None
    line: int = 0


@dataclass(frozen=True)
class Packages:
    """The `%packages` section: names the image must have, and must not have; both may be globs."""

    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    may_miss: bool = False
    line: int = 0


@dataclass(frozen=True)
class Script:
    """A script section. `chroot` says whether it runs inside the installed system."""

    when: ScriptKind
    text: str = field(repr=False)
    interpreter: str = "/bin/sh"
    chroot: bool = False
    log: str = ""
    error_on_fail: bool = False
    line: int = 0


@dataclass(frozen=True)
class Kickstart:
    """A whole kickstart; `file` is its name in messages. `lines` gives the line of each single command.

    Lines are those of the text with everything that is included; `error` turns them into file and line.
    """

    file: str
    lang: str = "C.UTF-8"
    keyboard: str = "us"
    timezone: str = "Etc/UTC"
    utc: bool = True
    timesources: tuple[TimeSource, ...] = ()
    ntp: bool = True
    hostname: str = ""
    networks: tuple[Network, ...] = ()
    root: RootPassword | None = None
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    ssh_keys: tuple[SshKey, ...] = ()
    firewall: Firewall = Firewall()
    services: Services = Services()
    selinux: Selinux | None = None
    bootloader: Bootloader = Bootloader()
    zerombr: bool = False
    clearpart: ClearPart = ClearPart()
    only_use: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    zfs: ZfsAddon = ZfsAddon()
    notify: Target | None = None
    packages: Packages = Packages()
    scripts: tuple[Script, ...] = ()
    finish: Finish = "reboot"
    notices: tuple[Notice, ...] = ()
    lines: dict[str, int] = field(default_factory=dict, hash=False, compare=False)
    source: Expanded = field(default_factory=lambda: Expanded(""), hash=False, compare=False, repr=False)

    def error(self, line: int, message: str, hint: str = "") -> KickstartError:
        """Make an error about a line."""
        return self.source.error(line, message, hint)

    def told(self) -> tuple[str, ...]:
        """Give the notices as lines for a person."""
        return tuple(f"{self.source.where(notice.line)}: {notice.text}" for notice in self.notices)
