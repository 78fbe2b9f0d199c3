"""The stages of the build, in an order in which each comes after those it needs."""

from __future__ import annotations

from edgelinux_build.stage import Stage

from .bootloader import BootLoader
from .finished_tree import FinishedTree
from .initramfs import Initramfs
from .iso import Iso
from .local_packages import LocalPackages
from .lock_file import LockFile
from .package_index import PackageIndex
from .root_tree import RootTree
from .squashfs import SquashFs
from .zfs_modules import ZfsModules

__all__ = ["LOCK_STAGES", "STAGES"]

STAGES: tuple[Stage, ...] = (
    RootTree(),
    ZfsModules(),
    PackageIndex(),
    LocalPackages(),
    FinishedTree(),
    Initramfs(),
    BootLoader(),
    SquashFs(),
    Iso(),
)

LOCK_STAGES: tuple[Stage, ...] = (RootTree(), ZfsModules(), PackageIndex(), LockFile())
"""What `edgelinux lock` runs: what takes packages from a mirror, and the file that lists them."""
