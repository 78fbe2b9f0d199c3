"""Creates the pool, with a host id that the installed host will have too."""

from __future__ import annotations

from pathlib import Path

from edgelinux_hostd import arc, layout, zfs
from edgelinux_hostd.hostid import hostid_bytes, new_hostid
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.halfmade import remember
from edgelinux_installer.machine import ram_bytes
from edgelinux_installer.steps import partitions

__all__ = ["STEP", "create", "load_zfs", "set_hostid"]

_MODULES = Path("/sys/module")
_ETC = Path("/etc")


def create(ctx: Context) -> None:
    """Give the live system the new host id, and create the pool."""
    ctx.hostid = new_hostid()
    set_hostid(ctx.hostid)
    ctx.target.mkdir(parents=True, exist_ok=True)
    partitions.wait_for(ctx.zfs_partitions)
    run(
        layout.pool_create_argv(
            layout.POOL,
            ctx.plan.layout,
            ctx.zfs_partitions,
            str(ctx.target),
            # Should all disks go away, writing fails instead of waiting for them to come back.
            properties={"failmode": "continue"},
        )
    )
    ctx.pool_guid = zfs.pool_guid(layout.POOL)
    remember(ctx.run_dir, ctx.pool_guid)


def load_zfs() -> None:
    """Load the kernel module."""
    run(["modprobe", "zfs"])
    # The default leaves the rest of a small machine too little to unpack the system.
    (_MODULES / "zfs/parameters/zfs_arc_max").write_text(str(arc.arc_max_bytes(ram_bytes())))


def set_hostid(hostid: int) -> None:
    """Make the running system have a host id: the module has its own copy, the tools read the file."""
    write(_ETC / "hostid", hostid_bytes(hostid))
    (_MODULES / "spl/parameters/spl_hostid").write_text(str(hostid))


STEP = Step("Creating the pool", 5, create)
