"""Creates the datasets and mounts them as the installed system will have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TypeVar

from edgelinux_hostd import layout
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step

__all__ = ["STEP", "create"]

T = TypeVar("T")


def create(ctx: Context) -> None:
    """Create all datasets, mount the boot environment, and the directories that outlive it."""
    datasets = sorted(layout.datasets(ctx.plan.image.version), key=_depth)
    for _, siblings in groupby(datasets, key=_depth):
        _together(lambda dataset: run(layout.dataset_argv(layout.POOL, dataset)), siblings)
    run(["zfs", "mount", ctx.plan.root_dataset])
    mounts = {name: ctx.target / path.lstrip("/") for name, path in layout.state_mounts().items()}
    for mountpoint in mounts.values():
        mountpoint.mkdir(parents=True, exist_ok=True)
    _together(
        lambda mount: run(["mount", "-t", "zfs", f"{layout.POOL}/{mount[0]}", mount[1]]), mounts.items()
    )


def _depth(dataset: layout.Dataset) -> int:
    return dataset.name.count("/")


def _together(do: Callable[[T], object], items: Iterable[T]) -> None:
    """Do something for several items at once: each waits for a transaction group, and may share it."""
    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(do, items))


STEP = Step("Creating the datasets", 4, create)
