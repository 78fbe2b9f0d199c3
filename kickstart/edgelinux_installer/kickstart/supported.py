"""Every kickstart command and option of RHEL 10's syntax, and what becomes of it.

One table: the reader, its messages and the page docs/kickstart.md are all made from it. A command or option
is `done` (carried out), `accepted` (valid, but without effect, which is told), or `refused`, with what to use
instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "COMMANDS",
    "RESERVED_ARGUMENTS",
    "SECTIONS",
    "SUPPORTED",
    "SUPPORTED_SECTIONS",
    "Command",
    "Option",
    "Status",
    "nearest",
]

Status = Literal["done", "accepted", "refused"]


@dataclass(frozen=True)
class Option:
    """One option. `note`: a limit of what is done, why there is no effect, or what to use instead.

    `removed`: RHEL 10's syntax no longer has it, but kickstarts written for older releases do.
    """

    status: Status
    note: str = ""
    removed: bool = False


@dataclass(frozen=True)
class Command:
    """A command or section. `repeats`: it may stand in a kickstart more than once."""

    status: Status
    note: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    repeats: bool = False

    @property
    def supported_options(self) -> str:
        """List the options that may be used, for messages."""
        return ", ".join(sorted(name for name, o in self.options.items() if o.status != "refused")) or "none"


def _done(*names: str, note: str = "") -> dict[str, Option]:
    return dict.fromkeys(names, Option("done", note))


def _accepted(note: str, *names: str) -> dict[str, Option]:
    return dict.fromkeys(names, Option("accepted", note))


def _refused(note: str, *names: str) -> dict[str, Option]:
    return dict.fromkeys(names, Option("refused", note))


def _removed(note: str, *names: str) -> dict[str, Option]:
    return dict.fromkeys(names, Option("refused", note, removed=True))


def _command(
    note: str = "", *options: dict[str, Option], status: Status = "done", repeats: bool = False
) -> Command:
    return Command(status, note, {name: o for group in options for name, o in group.items()}, repeats)


def _no(note: str, *names: str) -> dict[str, Command]:
    return dict.fromkeys(names, Command("refused", note))


_NEVER_ASKS = "the installer never asks"
_FINISH = (
    _refused("the boot entry of a finished installation makes it needless", "--eject"),
    _refused("reboot starts the firmware, and what it finds on the disks", "--kexec"),
)
_EVERY_DISK = "the boot loader goes onto every disk of the pool"
_LAYOUT = "disks are laid out by the section `%addon edgelinux_zfs`, or by autopart, as one mirrored ZFS pool"
_PLAIN = "leave it out: the pool is not encrypted"
_NO_TYPE = "leave it out: the pool is ZFS, and its layout is set by `%addon edgelinux_zfs`"
_NO_WIRELESS = "a wired network; wireless ones are not set up"
_ENCRYPTION = (
    "--encrypted",
    "--passphrase",
    "--escrowcert",
    "--backuppassphrase",
    "--cipher",
    "--luks-version",
    "--pbkdf",
    "--pbkdf-memory",
    "--pbkdf-time",
    "--pbkdf-iterations",
)

_SUPPORTED: dict[str, Command] = {
    # The installer itself
    "text": _command("lines on all consoles", _done("--non-interactive", note=_NEVER_ASKS)),
    "cmdline": _command("lines on all consoles", _done("--non-interactive", note=_NEVER_ASKS)),
    "graphical": _command(
        "there is no graphical installer; it writes lines to all consoles",
        _done("--non-interactive", note=_NEVER_ASKS),
        status="accepted",
    ),
    "liveimg": _command(
        "the booted medium only: --url=file:///run/initramfs/live/live/edgelinux.squashfs",
        _done("--url"),
        _accepted("nothing is downloaded", "--proxy", "--noverifyssl"),
        _refused("leave it out: the medium is checked by its own SHA512SUMS", "--checksum"),
    ),
    "mediacheck": _command("the medium is always checked before a disk is touched"),
    "logging": _command(
        "the log is /run/edgelinux/install.log, afterwards /var/log/edgelinux/install.log",
        _refused("a script in %post or %onerror can send /run/edgelinux/install.log", "--host", "--port"),
        _removed("RHEL 10 removed it: everything is logged, leave it out", "--level"),
        status="accepted",
    ),
    "eula": _command(
        "there is no licence to agree to",
        _accepted("there is no licence to agree to", "--agreed", "--agree", "--accepted", "--accept"),
        status="accepted",
    ),
    "firstboot": _command(
        "no questions are asked at the first boot",
        _done("--disable", "--disabled"),
        _refused(
            "--disable: there are no questions at the first boot", "--enable", "--enabled", "--reconfig"
        ),
    ),
    "skipx": _command("there is no graphical desktop"),
    "reboot": _command("", *_FINISH),
    "poweroff": _command("", *_FINISH),
    "halt": _command("", *_FINISH),
    "shutdown": _command("the same as poweroff", *_FINISH),
    # The system
    "lang": _command(
        "one that the image lacks becomes C.UTF-8, which is told",
        _accepted("the image has the locales that it has", "--addsupport"),
    ),
    "keyboard": _command(
        "of several layouts the first is taken",
        _done("--vckeymap", "--xlayouts"),
        _accepted("the console has one layout", "--switch"),
    ),
    "timezone": _command(
        "",
        _done("--utc"),
        _removed("RHEL 10 syntax has --utc", "--isUtc"),
        _removed("RHEL 10 syntax has a line `timesource --ntp-server=HOST` for each server", "--ntpservers"),
        _removed("RHEL 10 syntax has `timesource --ntp-disable`", "--nontp"),
    ),
    "timesource": _command("", _done("--ntp-server", "--ntp-pool", "--ntp-disable", "--nts"), repeats=True),
    "rootpw": _command(
        "for the console: SSH takes keys only",
        _done("--iscrypted", "--plaintext", "--lock"),
        _refused('SSH takes keys only: a line `sshkey --username=root "KEY"`', "--allow-ssh"),
    ),
    "user": _command(
        "missing groups are created",
        _done(
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
        ),
        repeats=True,
    ),
    "group": _command("", _done("--name", "--gid"), repeats=True),
    "sshkey": _command("", _done("--username"), repeats=True),
    "services": _command("", _done("--enabled", "--disabled")),
    "firewall": _command(
        "lets SSH in, unless --remove-service=ssh",
        _done("--enable", "--enabled", "--disable", "--disabled", "--port", "--service", "--remove-service"),
        _done("--trust", note="names of network devices"),
        _done("--ssh", "--http", "--smtp", "--ftp"),
        _done("--use-system-defaults", note="lets SSH in, and nothing else"),
    ),
    "selinux": _command(
        "refused on a base without SELinux, unless it is --disabled",
        _done("--disabled", "--enforcing", "--permissive"),
    ),
    "network": _command(
        "NetworkManager profiles that know network cards by their permanent MAC address",
        _done(
            "--bootproto",
            note="dhcp or static; bootp and ibft are refused",
        ),
        _done("--device", note="a name, a MAC address, link, or bootif (the NIC of a network boot)"),
        _done("--ip", "--netmask", "--gateway", "--nameserver", "--hostname", "--mtu", "--onboot"),
        _done("--noipv4", "--noipv6", "--ipv6gateway", "--nodefroute", "--nodns", "--dhcpclass"),
        _done("--ipv6", note="auto, dhcp, ignore, or an address with its prefix"),
        _done("--ipv4-dns-search", "--ipv6-dns-search", "--ipv4-ignore-auto-dns", "--ipv6-ignore-auto-dns"),
        _done("--bondslaves", "--bondopts", "--bridgeslaves", "--bridgeopts", "--vlanid", "--interfacename"),
        _done("--bindto", note="mac; it is what is always done"),
        _accepted(
            "the live system uses DHCP on every card; the line is for the installed one",
            "--activate",
            "--no-activate",
        ),
        _accepted("the line is for the installed system in any case", "--notksdevice"),
        _refused("a %post script", "--ethtool"),
        _refused(_NO_WIRELESS, "--essid", "--wepkey", "--wpakey"),
        _refused("a bond: --bondslaves and --bondopts", "--teamslaves", "--teamconfig"),
        repeats=True,
    ),
    # Disks
    "zerombr": _command("damaged partition tables are never a reason to stop"),
    "clearpart": _command(
        "allows what the chosen disks hold to be erased; without it they must be blank",
        _done("--all", "--none", "--drives", "--initlabel"),
        _done("--linux", note="erases disks that hold nothing but Linux"),
        _done("--disklabel", note="gpt"),
        _refused("--drives: whole disks are taken", "--list"),
        _refused("leave it out: it is for mainframes", "--cdl"),
    ),
    "ignoredisk": _command(
        "",
        _done("--only-use", "--drives"),
        _removed("RHEL 10 removed it: name the disks with --only-use", "--interactive"),
    ),
    "autopart": _command(
        "means the mirrored ZFS pool; it is made without this command too",
        _done("--noswap", "--noboot", "--nolvm", note="the pool has none in any case"),
        _accepted("/home is a dataset of the pool, which takes no space of its own", "--nohome"),
        _refused(_NO_TYPE, "--type", "--fstype"),
        _refused(_PLAIN, *_ENCRYPTION),
        _refused("leave it out: there is no swap space on disks", "--hibernation"),
    ),
    "reqpart": _command(
        "every disk gets what BIOS and UEFI need, with or without it",
        _refused("leave it out: kernel and initramfs lie on the EFI system partitions", "--add-boot"),
    ),
    "bootloader": _command(
        "onto every disk of the pool, for BIOS and UEFI",
        _done("--append"),
        _done("--timeout", note="seconds that the installed host's menu waits; 3 without it"),
        _done("--location", note="mbr; all else is refused"),
        _accepted(_EVERY_DISK, "--boot-drive", "--driveorder"),
        _refused("leave it out: the boot menu has no password", "--password", "--iscrypted", "--md5pass"),
        _refused("leave it out: the newest boot environment is the default", "--default"),
        _refused("leave it out: every disk becomes a boot entry of the firmware", "--leavebootorder"),
        _refused("leave it out: GRUB is the boot loader", "--extlinux", "--sdboot"),
        _refused("leave it out: a host that does not boot is not made", "--disabled", "--nombr"),
        _removed("leave it out: the installer writes a new configuration", "--upgrade"),
    ),
}

_SOURCE = "leave it out: the system comes from the booted medium"
_NO_NETWORK_DISKS = "disks of this machine: ignoredisk --only-use, or select in `%addon edgelinux_zfs`"

COMMANDS: dict[str, Command] = {
    **_SUPPORTED,
    **_no(_LAYOUT, "btrfs", "logvol", "mount", "part", "partition", "raid", "volgroup"),
    **_no("leave it out: a boot environment of ZFS is its own snapshot", "snapshot"),
    **_no(_SOURCE, "bootc", "cdrom", "harddrive", "hmc", "install", "method", "module"),
    **_no(_SOURCE, "nfs", "ostreecontainer", "ostreesetup", "repo", "updates", "url"),
    **_no("leave it out, or use a %post script", "auth", "authconfig", "authselect", "realm"),
    **_no("leave it out: no subscription is needed", "rhsm", "syspurpose"),
    **_no(_NO_NETWORK_DISKS, "fcoe", "iscsi", "iscsiname", "nvdimm", "zfcp"),
    **_no("leave it out: RHEL 10 removed it", "autostep", "deviceprobe"),
    **_no("leave it out: RHEL 10 removed it, and drivers are part of the kernel", "device"),
    **_no("leave it out: RHEL 10 removed it; mirrors are ZFS", "dmraid", "multipath"),
    **_no("leave it out: drivers are part of the image", "driverdisk"),
    **_no("the serial console: a kernel argument such as console=ttyS0,115200", "rdp", "vnc"),
    **_no("the live system takes no passwords over SSH; log in at its console", "sshpw"),
    **_no("boot the medium's live system, which touches nothing", "rescue"),
    **_no("leave it out: there is no graphical desktop", "xconfig"),
    **_no("leave it out: it is for mainframes", "zipl"),
}

_SCRIPT = _done("--interpreter", "--log", "--logfile", "--erroronfail")
_SET = "the image is the package set"

SECTIONS: dict[str, Command] = {
    "%pre": _command("in the live system, before disks are chosen", _SCRIPT, repeats=True),
    "%pre-install": _command(
        "in the live system, once /mnt/sysimage is mounted and before it is filled", _SCRIPT, repeats=True
    ),
    "%post": _command("in the installed system", _SCRIPT, _done("--nochroot"), repeats=True),
    "%onerror": _command("in the live system, when the installation has failed", _SCRIPT, repeats=True),
    "%traceback": _command(
        "after %onerror, when a defect of the installer was the reason; RHEL 10 deprecates it",
        _SCRIPT,
        repeats=True,
    ),
    "%packages": _command(
        "each package named must be in the image; groups have no effect",
        _done("--ignoremissing", note="packages that the image lacks are told"),
        _accepted(_SET, "--default", "--nocore", "--excludedocs", "--multilib", "--inst-langs"),
        _accepted(_SET, "--exclude-weakdeps", "--retries", "--timeout"),
        _removed("RHEL 10 syntax has --inst-langs", "--instLangs"),
        _removed("RHEL 10 syntax has --exclude-weakdeps", "--excludeWeakdeps"),
        _removed("leave it out", "--nobase", "--ignoredeps", "--resolvedeps", "--ignorebroken"),
        repeats=True,
    ),
    "%addon": _command("edgelinux_zfs and edgelinux_notify", repeats=True),
    "%anaconda": Command("refused", "leave it out: it sets up another installer"),
    "%certificate": Command("refused", "a %post script that writes the certificate"),
}

SUPPORTED = {name: command for name, command in COMMANDS.items() if command.status != "refused"}
SUPPORTED_SECTIONS = {name: section for name, section in SECTIONS.items() if section.status != "refused"}

# Kernel arguments that the installer makes by itself, or that only the live system knows.
RESERVED_ARGUMENTS = frozenset(
    {"root", "inst.ks", "spl_hostid", "edgelinux.pool", "edgelinux.install"}
    | {"edgelinux.medium", "edgelinux.sha512", "edgelinux.notify", "edgelinux.cert", "edgelinux.token"}
)


def nearest(name: str) -> str:
    """Say what to write instead of a command that is not carried out."""
    supported = f"supported are: {', '.join(sorted(SUPPORTED))}"
    if name in COMMANDS:
        return f"{COMMANDS[name].note}; {supported}"
    close = difflib.get_close_matches(name, SUPPORTED, n=1)
    return f"did you mean {close[0]}? {supported}" if close else supported
