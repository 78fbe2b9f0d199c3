"""What the machine offers to choose from: disks, network cards, time zones, keyboards, places to save to."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd import image as images
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo

from edgelinux_installer import hardware
from edgelinux_installer.plan import Machine, check_sectors
from edgelinux_installer.selection import unusable

__all__ = ["Card", "Place", "World", "keyboards", "look", "places", "serial_console"]

_MEDIUM_HOLDER = "holds the live medium"
_WRITABLE = ("vfat", "exfat", "ext2", "ext3", "ext4")
_BASE_LIST = Path("usr/share/X11/xkb/rules/base.lst")
_KEYMAPS = ("usr/lib/kbd/keymaps", "usr/share/kbd/keymaps", "usr/share/keymaps")
# A site file's words, for trees that have no list.
_SOME_KEYBOARDS = ("us", "gb", "de", "fr", "es", "it", "pl", "pt", "se", "ch")


@dataclass(frozen=True)
class Card:
    """A network card; `driver` is "" where it is not known."""

    name: str
    mac: str
    carrier: bool
    driver: str = ""


@dataclass(frozen=True)
class Place:
    """A file system that a kickstart can be saved to; `disk` names the disk that it is on."""

    path: str
    kind: str
    label: str
    size: int
    disk: str


@dataclass(frozen=True)
class World:
    """All that the forms show. `serial` is the live system's serial console, such as ttyS0,115200, or ""."""

    machine: Machine
    image: ImageInfo
    cards: tuple[Card, ...]
    timezones: tuple[str, ...] = ("Etc/UTC",)
    keyboards: tuple[str, ...] = _SOME_KEYBOARDS
    places: tuple[Place, ...] = ()
    serial: str = ""

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Give the disks that are shown: all but the one that the medium is."""
        return tuple(disk for disk in self.machine.disks if disk.in_use != _MEDIUM_HOLDER)

    def refusal(self, disk: Disk) -> str:
        """Say why a disk cannot be chosen; "" when it can."""
        if reason := unusable(disk):
            return reason
        try:
            check_sectors((disk,), self.machine.firmware)
        except EdgeLinuxError as error:
            return error.message
        return ""

    def disk(self, name: str) -> Disk:
        """Give the disk of that name."""
        return next(disk for disk in self.machine.disks if disk.name == name)


def look(root: Path = Path("/")) -> World:
    """Look at this machine. Needs root. Raises EdgeLinuxError."""
    recorded = hardware.record()
    machine = hardware.machine(recorded)
    command_line = (root / "proc/cmdline").read_text(encoding="utf-8")
    net = root / "sys/class/net"
    return World(
        machine=machine,
        image=images.load(),
        cards=tuple(Card(nic.name, nic.mac, nic.carrier, _driver(net / nic.name)) for nic in machine.nics),
        timezones=_timezones(root),
        keyboards=keyboards(root),
        places=tuple(places(recorded.disks.lsblk, machine.disks)),
        serial=serial_console(command_line),
    )


def keyboards(root: Path) -> tuple[str, ...]:
    """List the keyboard layouts of the tree: those of xkeyboard-config, else the console's own keymaps."""
    try:
        text = (root / _BASE_LIST).read_text(encoding="utf-8")
    except OSError:
        text = ""
    section = text.partition("! layout")[2].partition("\n!")[0]
    names = {line.split()[0] for line in section.splitlines() if line.strip()}
    if not names:
        files = (path for folder in _KEYMAPS for path in (root / folder).rglob("*.map*"))
        names = {path.name.partition(".map")[0] for path in files}
    return tuple(sorted(name for name in names if _is_layout(name))) or _SOME_KEYBOARDS


def places(lsblk: Mapping[str, Any], disks: Iterable[Disk]) -> Iterator[Place]:
    """List the file systems of removable disks, other than the medium's, that a file can be written to."""
    removable = {disk.path: disk for disk in disks if disk.removable and disk.in_use != _MEDIUM_HOLDER}
    for device in lsblk.get("blockdevices", ()):
        disk = removable.get(str(device.get("path")))
        if disk is None or disk.read_only:
            continue
        for node in (device, *(device.get("children") or ())):
            kind = str(node.get("fstype") or "")
            if kind in _WRITABLE and not any(node.get("mountpoints") or ()):
                label, size = str(node.get("label") or ""), int(node.get("size") or 0)
                yield Place(str(node["path"]), kind, label, size, disk.name)


def serial_console(command_line: str) -> str:
    """Give the serial console of a kernel command line: the installed host gets the same one."""
    found = re.findall(r"(?:^|\s)console=(ttyS\d{1,3}(?:,\d{3,7}(?:[noe]\d?r?)?)?)(?=\s|$)", command_line)
    return str(found[-1]) if found else ""


def _is_layout(name: str) -> bool:
    # What a site file takes; "custom" is a placeholder of xkeyboard-config's.
    return bool(re.fullmatch(r"[a-z][a-z0-9_-]*", name)) and name != "custom"


def _timezones(root: Path) -> tuple[str, ...]:
    folder = root / "usr/share/zoneinfo"
    known = (name for name in zoneinfo.available_timezones() if "/" in name and (folder / name).is_file())
    return tuple(sorted(known)) or ("Etc/UTC",)


def _driver(card: Path) -> str:
    link = card / "device/driver"
    return link.resolve().name if link.exists() else ""
