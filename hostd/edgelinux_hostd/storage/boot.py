"""Imports the recorded pools when the host starts; run by edgelinux-pools.service.

The host's own pool is imported by its initramfs. What is absent is a warning; the host boots without it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from edgelinux_hostd import zfs
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.mounting import list_places, mount_all, strays

__all__ = ["bring_up", "main"]

# Disks behind slow controllers and on USB come late; the antlets of other pools wait for it, too.
_PATIENCE = 16.0
_BETWEEN = 2.0


def bring_up(
    wanted: Mapping[int, str],
    *,
    patience: float = _PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[str, ...]:
    """Import and mount pools, GUID → name; gives a line for each thing that did not work.

    Pools that are absent are waited for, `patience` seconds at most.
    """
    said: list[str] = []
    waiting = dict(wanted)
    left = patience
    while True:
        imported = zfs.pools_by_guid()
        absent: dict[int, str] = {}
        for guid, name in waiting.items():
            try:
                if guid not in imported:
                    zfs.import_pool(guid, name)
                    _mount_at_once(name)
                said += mount_all(imported.get(guid, name))
            except EdgeLinuxError as error:
                absent[guid] = f"pool {name} ({guid}) is not there: {error}"
        if not absent or left <= 0:
            return (*said, *absent.values())
        waiting = {guid: waiting[guid] for guid in absent}
        sleep(_BETWEEN)
        left -= _BETWEEN


def _mount_at_once(pool: str) -> None:
    """Mount hundreds of datasets by one command, where that mounts none that must not be.

    The host's own pool is mounted by now, and those of this module are seen to one after the other: there is
    nothing else to mount. What this leaves out `mount_all` tries again, and says why.
    """
    if not strays(list_places(pool), pool):
        run(["zfs", "mount", "-a"], check=False)


def main() -> int:
    """Import what is recorded; 0 whatever is absent, since the host runs without it."""
    try:
        said: tuple[str, ...] = ()
        wanted = registry.load()
        if wanted:
            # Disks that are found too late would leave a mirror degraded.
            run(["udevadm", "settle", "--timeout=30"], check=False)
            said = bring_up(wanted)
    except EdgeLinuxError as error:
        said = (str(error),)
    for line in said:
        # sd-daemon(3): a warning in the journal.
        print(f"<4>{line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
