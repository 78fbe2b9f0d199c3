"""Partitions the disks and makes the file systems of the ESPs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from edgelinux_hostd import layout
from edgelinux_hostd.disks import partition_path
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.esp import Esp
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step

__all__ = ["STEP", "partition", "wait_for"]

_WAIT_SECONDS = 30.0
_BY_PARTUUID = Path("/dev/disk/by-partuuid")


def partition(ctx: Context) -> None:
    """Write the partition tables, wait for the device nodes, and make the ESPs' file systems."""
    for disk in ctx.plan.disks:
        # Chosen here, so that the links are known: names under by-partuuid stay when disks change places.
        esp, pool = str(uuid.uuid4()), str(uuid.uuid4())
        guids = {layout.ESP: esp, layout.ZFS: pool}
        table = layout.partition_table(disk.size, disk.logical_sector, guids)
        run(layout.partition_argv(disk.path), stdin=table)
        ctx.esps.append(Esp(disk.path, partition_path(disk.path, layout.ESP), partuuid=esp))
        ctx.zfs_partitions.append(str(_BY_PARTUUID / pool))
    # When the table's writer closes the disk, udev has the kernel read it once more, and every partition goes
    # away and comes back: its nodes count only after that.
    run(["udevadm", "settle", f"--timeout={_WAIT_SECONDS:.0f}"], check=False)
    wait_for([*(esp.partition for esp in ctx.esps), *ctx.zfs_partitions])
    for made in ctx.esps:
        run(layout.esp_format_argv(made.partition))


def wait_for(paths: Iterable[str]) -> None:
    """Wait until device nodes are there, 30 seconds at most; raises EdgeLinuxError naming one that is not."""
    end = time.monotonic() + _WAIT_SECONDS
    missing = [Path(path) for path in paths]
    while missing := [path for path in missing if not path.exists()]:
        if time.monotonic() > end:
            raise EdgeLinuxError(f"{missing[0]} did not appear after partitioning")
        time.sleep(0.05)


STEP = Step("Partitioning the disks", 2, partition)
