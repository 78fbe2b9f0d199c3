"""Scrubs: reading all of a pool to find what has rotted. Run by itself, starts one on every pool."""

from __future__ import annotations

import re
import sys

from edgelinux_hostd import zfs
from edgelinux_hostd.errors import CommandError, EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.run import run

__all__ = ["main", "start", "stop"]


def start(pool: str) -> None:
    """Start a scrub, or go on with one that is paused; no-op when one runs. Raises EdgeLinuxError."""
    _scrub(pool, [], "currently scrubbing", f"cannot scrub pool {pool}")


def stop(pool: str) -> None:
    """End a scrub; no-op when none runs. Raises EdgeLinuxError."""
    _scrub(pool, ["-s"], "there is no active scrub", f"cannot stop the scrub of pool {pool}")


def _scrub(pool: str, options: list[str], done: str, what: str) -> None:
    try:
        run(["zpool", "scrub", *options, pool])
    except CommandError as error:
        if done in error.stderr:
            return
        if "no such pool" in error.stderr:
            raise NotFoundError(f"there is no pool {pool}") from error
        if re.search(r"currently resilvering|resilver in progress", error.stderr):
            raise RefusedError(f"{what}: a disk is being rebuilt", hint="wait until that is done") from error
        raise


def main() -> int:
    """Start a scrub of every pool; one that cannot be scrubbed does not keep the others from it."""
    failed = False
    try:
        for pool in zfs.pools():
            try:
                start(pool)
                print(f"scrubbing pool {pool}")
            except RefusedError as error:
                print(error)
            except EdgeLinuxError as error:
                failed = True
                print(f"<3>{error}", file=sys.stderr)
    except EdgeLinuxError as error:
        print(f"<3>{error}", file=sys.stderr)
        return 1
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
