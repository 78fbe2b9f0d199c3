"""Chooses the disks that a kickstart means. Never guesses: too many candidates are refused like too few."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from edgelinux_hostd.disks import Disk
from edgelinux_hostd.layout import MIN_DISK_BYTES

from edgelinux_installer.kickstart import Kickstart, KickstartError

__all__ = ["choose_disks", "describe", "may_erase"]

_GIB = 1024**3


def choose_disks(ks: Kickstart, disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """Give the disks of the new pool, in the machine's order. Raises KickstartError, saying what is there.

    A disk that the kickstart names must be usable; one that only a glob matches, or that nobody named, is
    passed over when it is not.
    """
    filters = _filters(ks)
    for patterns, line in filters:
        for pattern in patterns:
            if not any(_matches(pattern, disk) for disk in disks):
                raise KickstartError(ks.file, line, f"there is no disk {pattern}; {_present(disks)}")
    passed_over: dict[str, str] = {}
    candidates: list[Disk] = []
    for disk in disks:
        reason = _unusable(disk) or _not_meant(disk, filters)
        if not reason:
            candidates.append(disk)
        elif _unusable(disk) and _named(disk, filters):
            raise KickstartError(ks.file, filters[0][1], f"{disk.path} cannot be taken: {reason}")
        else:
            passed_over[disk.path] = reason
    _check_number(ks, candidates, passed_over, explicit=bool(filters))
    _check_distinct(ks, candidates)
    for disk in candidates:
        if disk.contents and not may_erase(ks, disk):
            raise KickstartError(
                ks.file,
                ks.clearpart.line or ks.zfs.line,
                f"{disk.path} holds data: {', '.join(disk.contents)}",
                hint="`clearpart --all` (site file: disks.wipe: true) erases it",
            )
    return tuple(candidates)


def may_erase(ks: Kickstart, disk: Disk) -> bool:
    """Say whether the kickstart allows what the disk holds to be lost."""
    drives = ks.clearpart.drives
    return ks.clearpart.erase and (not drives or any(_matches(pattern, disk) for pattern in drives))


def describe(disk: Disk) -> str:
    """Write a disk as people know it: path, size, model and serial number."""
    words = (disk.path, f"{disk.size / _GIB:.1f} GiB", disk.model, disk.serial)
    return " ".join(word for word in words if word)


def _filters(ks: Kickstart) -> list[tuple[tuple[str, ...], int]]:
    """List the kickstart's lists of disks with their lines; a disk has to be in each of them."""
    lists = (
        (ks.zfs.select, ks.zfs.line),
        (ks.only_use, ks.lines.get("ignoredisk", 0)),
        (ks.clearpart.drives, ks.clearpart.line),
    )
    return [(patterns, line) for patterns, line in lists if patterns]


def _matches(pattern: str, disk: Disk) -> bool:
    names = (disk.path, *disk.links)
    # Kickstart also writes sda and disk/by-id/….
    return any(fnmatch.fnmatchcase(name, pattern) or name == f"/dev/{pattern}" for name in names) or any(
        fnmatch.fnmatchcase(name, f"/dev/{pattern}") for name in names if not pattern.startswith("/")
    )


def _named(disk: Disk, filters: Sequence[tuple[tuple[str, ...], int]]) -> bool:
    """Say whether a path (not a glob) in the kickstart means this disk."""
    exact = [pattern for patterns, _ in filters for pattern in patterns if not set("*?[") & set(pattern)]
    return any(_matches(pattern, disk) for pattern in exact)


def _unusable(disk: Disk) -> str:
    if disk.in_use:
        return disk.in_use
    if disk.read_only:
        return "read-only"
    if disk.size < MIN_DISK_BYTES:
        return f"too small, {disk.size / _GIB:.1f} of {MIN_DISK_BYTES // _GIB} GiB"
    return ""


def _not_meant(disk: Disk, filters: Sequence[tuple[tuple[str, ...], int]]) -> str:
    if filters:
        meant = all(any(_matches(pattern, disk) for pattern in patterns) for patterns, _ in filters)
        return "" if meant else "not selected"
    if disk.transport == "usb":
        return "on USB, and not named in the kickstart"
    return "removable, and not named in the kickstart" if disk.removable else ""


def _check_number(
    ks: Kickstart, candidates: Sequence[Disk], passed_over: dict[str, str], *, explicit: bool
) -> None:
    single = ks.zfs.layout == "single"
    wanted = ks.zfs.disks or (1 if single else max(2, len(candidates) if explicit else 2))
    if len(candidates) == wanted:
        return
    found = ", ".join(describe(disk) for disk in candidates) or "none"
    others = "; ".join(f"{path}: {reason}" for path, reason in passed_over.items())
    message = f"{wanted} disk(s) are asked for and {len(candidates)} can be taken: {found}"
    if len(candidates) > wanted:
        raise KickstartError(
            ks.file, ks.zfs.line, message, hint="name the ones to take: select = /dev/disk/by-id/…"
        )
    raise KickstartError(ks.file, ks.zfs.line, message + (f"; not taken: {others}" if others else ""))


def _check_distinct(ks: Kickstart, chosen: Sequence[Disk]) -> None:
    """Refuse one disk that appears twice (two paths to it): its mirror would be itself."""
    seen: dict[str, str] = {}
    for disk in chosen:
        if disk.wwn and disk.wwn in seen:
            raise KickstartError(
                ks.file, ks.zfs.line, f"{seen[disk.wwn]} and {disk.path} are the same disk ({disk.wwn})"
            )
        seen[disk.wwn] = disk.path


def _present(disks: Sequence[Disk]) -> str:
    return f"present: {', '.join(describe(disk) for disk in disks) or 'no disk at all'}"
