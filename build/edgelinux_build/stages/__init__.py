"""The stages of the build, in an order in which each comes after those it needs."""

from __future__ import annotations

from edgelinux_build.stage import Stage

from .bootloader import BootLoader
from .finished_tree import FinishedTree
from .initramfs import Initramfs
from .iso import Iso
from .local_packages import LocalPackages
from .root_tree import RootTree
from .squashfs import SquashFs
from .zfs_modules import ZfsModules

__all__ = ["STAGES"]

STAGES: tuple[Stage, ...] = (
    RootTree(),
    ZfsModules(),
    LocalPackages(),
    FinishedTree(),
    Initramfs(),
    BootLoader(),
    SquashFs(),
    Iso(),
)
