"""Chooses the disks that a kickstart means. Never guesses: too many candidates are refused like too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgelinux_hostd.disks import Disk, PoolLabel
from edgelinux_hostd.layout import MIN_DISK_BYTES, POOL

from edgelinux_installer.kickstart import Kickstart, KickstartError
from edgelinux_installer.kickstart.addons import MOST_DISKS
from edgelinux_installer.kickstart.diskterm import DiskTerm, parse_term

__all__ = ["Verdict", "choose_disks", "describe", "foreign_pools", "judge", "label", "may_erase", "unusable"]

_GIB = 1024**3
_NOT_SELECTED = "not selected"


@dataclass(frozen=True)
class Verdict:
    """What a kickstart makes of one disk: `reason` says why it is not a candidate ("" = it is one)."""

    disk: Disk
    reason: str


@dataclass(frozen=True)
class _Filter:
    """A list of disks in the kickstart: names say which, comparisons of the size narrow that down."""

    names: tuple[DiskTerm, ...]
    sizes: tuple[DiskTerm, ...]
    line: int

    def means(self, disk: Disk) -> bool:
        named = not self.names or any(term.matches(disk) for term in self.names)
        return named and all(term.matches(disk) for term in self.sizes)


def judge(ks: Kickstart, disks: Sequence[Disk]) -> tuple[Verdict, ...]:
    """Say of each disk whether it can be taken, and if not, why."""
    filters = _filters(ks)
    ignored = tuple(map(parse_term, ks.ignored))
    return tuple(
        Verdict(
            disk,
            unusable(disk)
            or ("ignored, as the kickstart says" if any(term.matches(disk) for term in ignored) else "")
            or _not_meant(disk, filters),
        )
        for disk in disks
    )


def choose_disks(ks: Kickstart, disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """Give the disks of the new pool, in the machine's order. Raises KickstartError, saying what is there.

    A disk that the kickstart names must be usable; one that only a pattern matches, or that nobody named, is
    passed over when it is not.
    """
    filters = _filters(ks)
    _check_presence(ks, filters, disks)
    verdicts = judge(ks, disks)
    for verdict in verdicts:
        line = _naming_line(verdict.disk, filters)
        if line is not None and verdict.reason and verdict.reason != _NOT_SELECTED:
            raise ks.error(line, f"{verdict.disk.path} cannot be taken: {verdict.reason}")
    candidates = [verdict.disk for verdict in verdicts if not verdict.reason]
    _check_number(ks, candidates, verdicts, explicit=bool(filters or ks.ignored))
    _check_distinct(ks, candidates)
    for disk in candidates:
        _check_contents(ks, disk)
    return tuple(candidates)


def may_erase(ks: Kickstart, disk: Disk) -> bool:
    """Say whether the kickstart allows what the disk holds to be lost."""
    clearpart = ks.clearpart
    if clearpart.drives and not any(parse_term(drive).matches(disk) for drive in clearpart.drives):
        return False
    return clearpart.erase == "everything" or (clearpart.erase == "linux" and not disk.foreign)


def foreign_pools(chosen: Sequence[Disk], disks: Sequence[Disk]) -> tuple[tuple[Disk, PoolLabel], ...]:
    """List pools of our name on disks that are left alone."""
    return tuple(
        (disk, pool) for disk in disks if disk not in chosen for pool in disk.pools if pool.name == POOL
    )


def describe(disk: Disk) -> str:
    """Write a disk as people know it: path, size, model and serial number."""
    words = (disk.path, f"{disk.size / _GIB:.1f} GiB", disk.model, disk.serial)
    return " ".join(word for word in words if word)


def label(disk: Disk) -> str:
    """Write a disk as it can be found in its machine: path, and what is printed on it."""
    words = (disk.model, f"serial {disk.serial}" if disk.serial else "")
    printed = ", ".join(word for word in words if word)
    return f"{disk.path} ({printed})" if printed else disk.path


def _filters(ks: Kickstart) -> list[_Filter]:
    """List the kickstart's lists of disks with their lines; a disk has to be in each of them."""
    lists = (
        (ks.zfs.select, ks.zfs.line),
        (ks.only_use, ks.lines.get("ignoredisk", 0)),
        (ks.clearpart.drives, ks.clearpart.line),
    )
    found = []
    for texts, line in lists:
        terms = [parse_term(text) for text in texts]
        sizes = tuple(term for term in terms if term.kind == "size")
        if terms:
            found.append(_Filter(tuple(term for term in terms if term.kind != "size"), sizes, line))
    return found


def _check_presence(ks: Kickstart, filters: Sequence[_Filter], disks: Sequence[Disk]) -> None:
    """Refuse a name that means nothing here; one of disks to be ignored too, since another was meant."""
    ignored = _Filter(tuple(map(parse_term, ks.ignored)), (), ks.lines.get("ignoredisk", 0))
    for one in (*filters, ignored):
        for term in one.names:
            if not any(term.matches(disk) for disk in disks):
                raise ks.error(one.line, f"there is no disk {term.text}; {_present(disks)}")


def _naming_line(disk: Disk, filters: Sequence[_Filter]) -> int | None:
    """Give the line of the kickstart that names this disk, and not by a pattern only."""
    lines = [one.line for one in filters for term in one.names if term.exact and term.matches(disk)]
    return lines[0] if lines else None


def unusable(disk: Disk) -> str:
    """Say why a disk cannot be taken, whatever a kickstart says; "" when it can."""
    if disk.in_use:
        return disk.in_use
    if disk.read_only:
        return "read-only"
    if disk.size < MIN_DISK_BYTES:
        return f"too small, {disk.size / _GIB:.1f} of {MIN_DISK_BYTES // _GIB} GiB"
    return ""


def _not_meant(disk: Disk, filters: Sequence[_Filter]) -> str:
    for one in filters:
        if not one.means(disk):
            return _NOT_SELECTED
    # A size alone does not say that a stick is meant which somebody forgot to unplug.
    if any(one.names for one in filters):
        return ""
    if disk.transport == "usb":
        return "on USB, and not named in the kickstart"
    return "removable, and not named in the kickstart" if disk.removable else ""


def _check_number(
    ks: Kickstart, candidates: Sequence[Disk], verdicts: Sequence[Verdict], *, explicit: bool
) -> None:
    single = ks.zfs.layout == "single"
    wanted = ks.zfs.disks or (1 if single else max(2, len(candidates) if explicit else 2))
    if wanted > MOST_DISKS:
        raise ks.error(
            ks.zfs.line,
            f"a mirror has at most {MOST_DISKS} disks, {len(candidates)} can be taken: {_list(candidates)}",
            "name the ones to take: select = /dev/disk/by-id/…",
        )
    if len(candidates) == wanted:
        return
    message = f"{wanted} disk(s) are asked for and {len(candidates)} can be taken: {_list(candidates)}"
    if len(candidates) > wanted:
        raise ks.error(ks.zfs.line, message, "name the ones to take: select = /dev/disk/by-id/…")
    others = "; ".join(f"{one.disk.path}: {one.reason}" for one in verdicts if one.reason)
    one_alone = len(candidates) == 1 and not ks.zfs.disks
    hint = "one disk alone, which nothing protects, is layout = single" if one_alone else ""
    raise ks.error(ks.zfs.line, message + (f"; not taken: {others}" if others else ""), hint)


def _check_distinct(ks: Kickstart, chosen: Sequence[Disk]) -> None:
    """Refuse one disk that appears twice (two paths to it): its mirror would be itself."""
    seen: dict[str, str] = {}
    for disk in chosen:
        if disk.wwn and disk.wwn in seen:
            raise ks.error(ks.zfs.line, f"{seen[disk.wwn]} and {disk.path} are the same disk ({disk.wwn})")
        seen[disk.wwn] = disk.path


def _check_contents(ks: Kickstart, disk: Disk) -> None:
    """Refuse a disk that holds anything, unless the kickstart says that it may go."""
    if not disk.contents or may_erase(ks, disk):
        return
    raise _holds_data(ks, disk)


def _holds_data(ks: Kickstart, disk: Disk) -> KickstartError:
    line = ks.clearpart.line or ks.zfs.line
    for pool in disk.pools:
        if pool.name == POOL:
            guid = f"GUID {pool.guid}" if pool.guid else "GUID not known"
            return ks.error(
                line,
                f"{disk.path} belongs to an existing pool {POOL} ({guid})",
                "`clearpart --all` (site file: disks.wipe: true) erases it with every antlet in it; "
                "to keep it, take other disks",
            )
    if ks.clearpart.erase == "linux" and disk.foreign:
        return ks.error(
            line,
            f"{disk.path} holds more than Linux: {', '.join(disk.foreign)}",
            "`clearpart --all` (site file: disks.wipe: true) erases it",
        )
    return ks.error(
        line,
        f"{disk.path} holds data: {', '.join(disk.contents)}",
        "`clearpart --all` (site file: disks.wipe: true) erases it",
    )


def _list(disks: Sequence[Disk]) -> str:
    return ", ".join(describe(disk) for disk in disks) or "none"


def _present(disks: Sequence[Disk]) -> str:
    return f"present: {', '.join(describe(disk) for disk in disks) or 'no disk at all'}"
