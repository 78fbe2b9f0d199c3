"""Which kickstart commands and options edgeLinux carries out, and what to use instead of the others.

One table, so that reader, messages and documentation cannot disagree.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

__all__ = ["INSTEAD", "RESERVED_ARGUMENTS", "SUPPORTED", "SUPPORTED_SECTIONS", "Command", "nearest"]


@dataclass(frozen=True)
class Command:
    """A command that is carried out. `repeats`: it may stand in a kickstart more than once."""

    options: frozenset[str] = frozenset()
    repeats: bool = False
    instead: dict[str, str] = field(default_factory=dict)


def _command(*options: str, repeats: bool = False, instead: dict[str, str] | None = None) -> Command:
    return Command(frozenset(options), repeats, instead or {})


_FINISH = _command(
    instead={"--eject": "the boot entry of a finished installation makes it needless", "--kexec": "reboot"}
)

SUPPORTED: dict[str, Command] = {
    "text": _command("--non-interactive"),
    "cmdline": _command(),
    "graphical": _command("--non-interactive"),
    "lang": _command(),
    "keyboard": _command("--vckeymap", "--xlayouts"),
    "timezone": _command(
        "--utc",
        instead={
            "--isUtc": "RHEL 10 syntax has --utc",
            "--ntpservers": "RHEL 10 syntax has a line `timesource --ntp-server=HOST` for each server",
            "--nontp": "RHEL 10 syntax has `timesource --ntp-disable`",
        },
    ),
    "timesource": _command("--ntp-server", "--ntp-pool", "--ntp-disable", "--nts", repeats=True),
    "network": _command(
        "--activate",
        "--bootproto",
        "--bridgeopts",
        "--bridgeslaves",
        "--device",
        "--gateway",
        "--hostname",
        "--ip",
        "--nameserver",
        "--netmask",
        "--no-activate",
        "--noipv6",
        "--onboot",
        repeats=True,
    ),
    "rootpw": _command(
        "--iscrypted",
        "--plaintext",
        "--lock",
        instead={"--allow-ssh": 'SSH takes keys only: a line `sshkey --username=root "KEY"`'},
    ),
    "user": _command(
        "--name",
        "--password",
        "--iscrypted",
        "--plaintext",
        "--lock",
        "--groups",
        "--uid",
        "--gid",
        "--homedir",
        "--shell",
        "--gecos",
        repeats=True,
    ),
    "sshkey": _command("--username", repeats=True),
    "firewall": _command(
        "--enable", "--enabled", "--disable", "--disabled", "--port", "--service", "--ssh", "--http"
    ),
    "services": _command("--enabled", "--disabled"),
    "bootloader": _command(
        "--append",
        instead={
            "--timeout": "the menu of the installed host waits 3 seconds",
            "--location": "the boot loader always goes onto every disk of the pool",
            "--boot-drive": "the boot loader always goes onto every disk of the pool",
            "--driveorder": "the boot loader always goes onto every disk of the pool",
        },
    ),
    "zerombr": _command(),
    "clearpart": _command(
        "--all",
        "--none",
        "--drives",
        "--initlabel",
        instead={"--linux": "clearpart --all, since the whole disk is used", "--list": "--drives"},
    ),
    "ignoredisk": _command("--only-use", instead={"--drives": "--only-use with the disks to take"}),
    "eula": _command("--agreed", "--agree", "--accepted", "--accept"),
    "firstboot": _command("--disable", "--disabled"),
    "skipx": _command(),
    "reboot": _FINISH,
    "poweroff": _FINISH,
    "halt": _FINISH,
    "shutdown": _FINISH,
}

SUPPORTED_SECTIONS: dict[str, Command] = {
    "%pre": _command("--interpreter", "--log", "--logfile", "--erroronfail", repeats=True),
    "%post": _command("--interpreter", "--log", "--logfile", "--erroronfail", "--nochroot", repeats=True),
    "%packages": _command(
        instead={"--instLangs": "leave it out", "--excludeWeakdeps": "leave it out"},
    ),
    "%addon": _command(),
}

# Kernel arguments that the installer makes by itself, or that only the live system knows.
RESERVED_ARGUMENTS = frozenset({"root", "edgelinux.pool", "edgelinux.install", "inst.ks", "spl_hostid"})

_STORAGE = "disks are laid out by the section `%addon edgelinux_zfs`"
_SOURCE = "leave it out: the system comes from the booted medium"

INSTEAD: dict[str, str] = {
    **dict.fromkeys(
        ("autopart", "btrfs", "logvol", "mount", "part", "partition", "raid", "reqpart", "volgroup"), _STORAGE
    ),
    **dict.fromkeys(
        ("cdrom", "harddrive", "hmc", "install", "liveimg", "method", "nfs", "repo", "url"), _SOURCE
    ),
    **dict.fromkeys(("auth", "authconfig", "authselect"), "leave it out, or use a %post script"),
    "group": "user --groups creates the groups that are missing",
    "xconfig": "leave it out: there is no graphical desktop",
}


def nearest(name: str) -> str:
    """Say what to write instead of a command that is not carried out."""
    supported = f"supported are: {', '.join(sorted(SUPPORTED))}"
    if name in INSTEAD:
        return f"{INSTEAD[name]}; {supported}"
    close = difflib.get_close_matches(name, SUPPORTED, n=1)
    return f"did you mean {close[0]}? {supported}" if close else supported
