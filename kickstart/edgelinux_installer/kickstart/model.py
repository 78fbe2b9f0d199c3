"""What a kickstart says, once read: plain data without pykickstart, each with the line it stood on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Bootloader",
    "ClearPart",
    "Firewall",
    "Kickstart",
    "Network",
    "Packages",
    "RootPassword",
    "Script",
    "Services",
    "SshKey",
    "TimeSource",
    "User",
    "ZfsAddon",
]

Finish = Literal["reboot", "poweroff", "halt"]


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
    """Which disks may lose what they hold: none, all that are selected, or only those in `drives`."""

    erase: bool = False
    drives: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Network:
    """One `network` line that configures a device; `ports` are what a bridge is made of."""

    device: str = "link"
    ports: tuple[str, ...] = ()
    stp: bool = False
    bootproto: Literal["dhcp", "static"] = "dhcp"
    ip: str = ""
    netmask: str = ""
    gateway: str = ""
    nameservers: tuple[str, ...] = ()
    ipv6: bool = True
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
    """The `firewall` line; ports are "number:protocol" or "first-last:protocol"."""

    enabled: bool = True
    ports: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Services:
    """The `services` line: units to enable and to disable."""

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Bootloader:
    """The `bootloader` line: kernel arguments."""

    append: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Packages:
    """The `%packages` section: names the image must have, and must not have."""

    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Script:
    """A %pre or %post script. `chroot` says whether it runs inside the installed system."""

    when: Literal["pre", "post"]
    text: str = field(repr=False)
    interpreter: str = "/bin/sh"
    chroot: bool = False
    log: str = ""
    error_on_fail: bool = False
    line: int = 0


@dataclass(frozen=True)
class Kickstart:
    """A whole kickstart; `file` is its name in messages. `lines` gives the line of each single command."""

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
    ssh_keys: tuple[SshKey, ...] = ()
    firewall: Firewall = Firewall()
    services: Services = Services()
    bootloader: Bootloader = Bootloader()
    zerombr: bool = False
    clearpart: ClearPart = ClearPart()
    only_use: tuple[str, ...] = ()
    zfs: ZfsAddon = ZfsAddon()
    packages: Packages = Packages()
    scripts: tuple[Script, ...] = ()
    finish: Finish = "reboot"
    lines: dict[str, int] = field(default_factory=dict, hash=False, compare=False)
