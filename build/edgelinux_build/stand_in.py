"""The package that stands in for one with ZFS's modules, which the image has without a package."""

from __future__ import annotations

from collections.abc import Sequence

from .packaging import Package, Units
from .tree import fill

__all__ = ["NAME", "stand_in"]

NAME = "edgelinux-zfs-modules"
"""As elements/edgelinux-zfs calls it."""


def stand_in(provides: Sequence[str], zfs: str) -> Package:
    """Return a package without files that provides what those of ZFS `zfs`, a version, ask for."""
    return Package(
        NAME,
        "1",
        "ZFS kernel modules, as part of the edgeLinux image",
        "The modules are compiled when the image is built and lie beside the kernel's own. This package has "
        "no files; it satisfies the dependencies on them.",
        (),
        (),
        Units(),
        provides=tuple(fill(word, {"zfs": zfs}) for word in provides),
    )
