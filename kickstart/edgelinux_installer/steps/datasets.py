"""Creates the datasets and mounts them as the installed system will have them."""

from __future__ import annotations

from edgelinux_hostd import layout
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step

__all__ = ["STEP", "create"]


def create(ctx: Context) -> None:
    """Create all datasets, mount the boot environment, and the directories that outlive it."""
    for dataset in layout.datasets(ctx.plan.image.version):
        run(layout.dataset_argv(layout.POOL, dataset))
    run(["zfs", "mount", ctx.plan.root_dataset])
    for name, directory in layout.state_mounts().items():
        mountpoint = ctx.target / directory.lstrip("/")
        mountpoint.mkdir(parents=True, exist_ok=True)
        run(["mount", "-t", "zfs", f"{layout.POOL}/{name}", mountpoint])


STEP = Step("Creating the datasets", 4, create)
