"""What is to be mirrored: an image on a base, the names that it asks for, and what its lock file has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgelinux_build.antlet_templates import ApplianceRecipe, Template, load_template
from edgelinux_build.images import Base, Image
from edgelinux_build.lock import Lock, LockedPackage
from edgelinux_build.tree import fill
from edgelinux_build.wanted import named_by, wanted_by_template, wanted_packages

__all__ = ["Wish", "host_wish", "kernel_packages", "kernel_pattern", "make_wish", "template_wish"]


@dataclass(frozen=True)
class Wish:
    """What an image needs of its base's mirror."""

    root: Path
    image: Image
    base: Base
    sets: tuple[tuple[str, ...], ...]
    """Names that are installed together: in the tree, and in each template."""
    locked: Mapping[str, LockedPackage] = field(default_factory=dict)
    """What the lock file names."""
    left_out: tuple[str, ...] = ()
    """Templates that are made of other bases, as `name (base)`."""
    compiles: bool = True
    """Whether ZFS is compiled for the kernel that is among the packages of the first set."""

    @property
    def is_locked(self) -> bool:
        """Whether there is a lock file."""
        return bool(self.locked)


def make_wish(root: Path, image: Image, base: Base, lock: Lock | None) -> Wish:
    """Read definitions and elements; raises EdgeLinuxError."""
    host = host_wish(root, image, base, lock)
    sets, locked = [*host.sets], dict(host.locked)
    left_out = []
    for template in (load_template(root, name) for name in image.templates):
        wish = template_wish(root, image, base, template, lock)
        if wish is None:
            left_out.append(f"{template.name} ({_base_of(template)})")
            continue
        sets += wish.sets
        # Of the same archive at the same time, so a package that is in both has one version.
        locked |= wish.locked
    return replace(host, sets=tuple(sets), locked=locked, left_out=tuple(left_out))


def host_wish(root: Path, image: Image, base: Base, lock: Lock | None) -> Wish:
    """Return what the tree needs, and compiling ZFS for it; raises EdgeLinuxError."""
    names = tuple(wanted.name for wanted in wanted_packages(root, image, base))
    return Wish(root, image, base, (names,), dict(_from_archive(lock.host_packages)) if lock else {})


def template_wish(root: Path, image: Image, base: Base, template: Template, lock: Lock | None) -> Wish | None:
    """Return what a template needs; None if it is made of another base. Raises EdgeLinuxError."""
    names = wanted_by_template(root, image, base, template)
    if names is None:
        return None
    locked = dict(_from_archive(lock.templates.get(template.name, {}))) if lock else {}
    return Wish(root, image, base, (names,), locked, compiles=False)


def _from_archive(packages: Mapping[str, LockedPackage]) -> Iterator[tuple[str, LockedPackage]]:
    """Leave out what the elements make, which no archive has."""
    return ((name, package) for name, package in packages.items() if package.sha256)


def _base_of(template: Template) -> str:
    recipe = template.recipe
    return ", ".join(recipe.bases) if isinstance(recipe, ApplianceRecipe) else recipe.base


def kernel_packages(base: Base, kernel: str) -> tuple[str, ...]:
    """Return the packages to compile ZFS with whose names are known only when the kernel's release is."""
    words = (word for argv in base.zfs.commands for word in named_by(argv) if "{kernel}" in word)
    return tuple(fill(word, {"kernel": kernel}) for word in words)


def kernel_pattern(base: Base) -> re.Pattern[str]:
    """Return what matches the files of a kernel's modules; its group is the kernel's release."""
    # /lib is a link to usr/lib, so packages may name either.
    return re.compile(rf"(?:/usr)?{re.escape(base.modules.removeprefix('/usr'))}/([^/\s]+)/kernel/")
