"""What zfs(8) says when it fails, as the errors that hostd speaks in."""

from __future__ import annotations

import re

from edgelinux_hostd.errors import (
    BusyError,
    CommandError,
    EdgeLinuxError,
    InvalidError,
    NotFoundError,
    RefusedError,
)

__all__ = ["already_mounted", "explain", "gone", "not_mounted"]

_FULL = re.compile(r"out of space|no space left on device|quota exceeded", re.IGNORECASE)
_GONE = re.compile(r"dataset does not exist|could not find any snapshots to destroy|no such pool")
_EXISTS = re.compile(r"dataset already exists|destination '[^']*' exists")
_STREAM = re.compile(r"invalid stream|incomplete stream|failed to read from stream|checksum mismatch")
_IN_USE = re.compile(r"dataset is busy|target is busy|device is busy", re.IGNORECASE)


def gone(error: CommandError) -> bool:
    """Say whether a command failed because the dataset or snapshot is not there."""
    return _GONE.search(error.stderr) is not None


def already_mounted(error: CommandError) -> bool:
    """Say whether mounting failed because it was done before."""
    return "filesystem already mounted" in error.stderr


def not_mounted(error: CommandError) -> bool:
    """Say whether unmounting failed because there was nothing to do."""
    return "not currently mounted" in error.stderr


def explain(error: CommandError, what: str) -> EdgeLinuxError:
    """Give the error for people; `what` says what was tried, such as "cannot clone a as b"."""
    said = error.stderr
    first = next((line.strip() for line in said.splitlines() if line.strip()), "")
    # zfs begins with "cannot do 'it': ", which `what` has said already.
    reason = re.sub(r"^cannot ([^:]*'[^']*'|receive[^:]*): ", "", first) or f"exit code {error.returncode}"
    if _FULL.search(said):
        quota = "quota" in said.lower()
        return RefusedError(
            f"{what}: {'its quota is used up' if quota else 'out of space'}",
            hint="raise the quota" if quota else "delete snapshots or antlets, or use another pool",
        )
    if "successfully created, but" in said or "failed to create mountpoint" in said:
        return EdgeLinuxError(
            f"{what}: it was made but not mounted: {reason}",
            hint="move away what lies at its mountpoint",
        )
    if "directory is not empty" in said:
        return RefusedError(
            f"{what}: its mountpoint is not empty", hint="move away what lies there, it would be hidden"
        )
    if _IN_USE.search(said):
        return BusyError(f"{what}: something uses it", hint="`fuser -vm DIRECTORY` shows what")
    if "cannot receive incremental stream" in said:
        return InvalidError(f"{what}: it holds only changes", hint="`zfs send` without -i and -I gives all")
    if _STREAM.search(said):
        return InvalidError(f"{what}: {reason}", hint="not what `zfs send` wrote, or not all of it")
    if gone(error):
        return NotFoundError(f"{what}: {reason}")
    if items := _listed(said):
        return RefusedError(f"{what}: {reason}: {', '.join(items)}", items=items)
    if _EXISTS.search(said):
        return RefusedError(f"{what}: dataset already exists")
    return CommandError(error.argv, error.returncode, said)


def _listed(said: str) -> tuple[str, ...]:
    """Name what stands against it: the lines after "use '-r' to destroy the following datasets:"."""
    _, _, rest = said.partition("use '-")
    return tuple(line.strip() for line in rest.splitlines()[1:] if line.strip())
