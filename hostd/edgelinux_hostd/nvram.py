"""UEFI boot entries, one for each disk: planned from what efibootmgr(8) prints, made as a convenience.

Every disk boots without them too (removable path), so that nothing here may ever fail an installation.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = ["LABEL", "NvramEntry", "NvramPlan", "parse_efibootmgr", "plan_nvram", "update_nvram"]

log = logging.getLogger(__name__)

LABEL = "edgeLinux OS"

_EFIVARS = Path("/sys/firmware/efi/efivars")
_LINE = re.compile(r"Boot([0-9A-Fa-f]{4})\*?\s+([^\t]*)\t(.*)")
_HARD_DISK = re.compile(r"HD\(\d+,GPT,([0-9a-fA-F-]{36})")
_FILE = re.compile(r"File\(([^)]*)\)|/(\\EFI\\[^/]*)$", re.IGNORECASE)


@dataclass(frozen=True)
class NvramEntry:
    """A boot entry. Wanted ones have no number yet; `loader` is written with backslashes."""

    disk: str
    partition: int
    partuuid: str
    loader: str
    label: str = LABEL
    number: str = ""


@dataclass(frozen=True)
class NvramPlan:
    """The numbers of entries to remove, and the entries to add, the one to boot first last."""

    remove: tuple[str, ...]
    add: tuple[NvramEntry, ...]


def parse_efibootmgr(text: str) -> tuple[NvramEntry, ...]:
    """Read the hard disk entries that `efibootmgr -v` prints."""
    found = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.rstrip())
        if not match or not (device := _HARD_DISK.search(match[3])):
            continue
        file = _FILE.search(match[3])
        loader = (file[1] or file[2]) if file else ""
        found.append(NvramEntry("", 0, device[1].lower(), loader, match[2].strip(), match[1].upper()))
    return tuple(found)


def plan_nvram(present: Sequence[NvramEntry], wanted: Sequence[NvramEntry]) -> NvramPlan:
    """Decide which entries to remove and to add. Only entries with our label are ever removed.

    An entry is known by its partition and loader, not by its disk's name, which changes.
    """
    ours = [entry for entry in present if entry.label == LABEL]
    want = {_key(entry): entry for entry in wanted}
    kept: set[tuple[str, str]] = set()
    remove = []
    for entry in ours:
        if _key(entry) in want and _key(entry) not in kept:
            kept.add(_key(entry))
        else:
            remove.append(entry.number)
    # efibootmgr puts a new entry at the head of the boot order.
    add = [entry for key, entry in reversed(want.items()) if key not in kept]
    return NvramPlan(tuple(remove), tuple(add))


def update_nvram(wanted: Sequence[NvramEntry]) -> bool:
    """Bring the firmware's entries in line; false when there is no such firmware or it refused."""
    if not _EFIVARS.is_dir():
        return False
    try:
        plan = plan_nvram(parse_efibootmgr(run(["efibootmgr", "-v"]).stdout), wanted)
        for number in plan.remove:
            run(["efibootmgr", "--quiet", "--delete-bootnum", "--bootnum", number])
        for entry in plan.add:
            run(_create_argv(entry))
    except EdgeLinuxError as error:
        log.warning("UEFI boot entries were not updated: %s", error)
        return False
    return True


def _create_argv(entry: NvramEntry) -> list[str]:
    where = ["--disk", entry.disk, "--part", str(entry.partition)]
    return ["efibootmgr", "--quiet", "--create", *where, "--label", entry.label, "--loader", entry.loader]


def _key(entry: NvramEntry) -> tuple[str, str]:
    return entry.partuuid.lower(), entry.loader.lower()
