"""Every package that an image asks its base's package manager for, by name, and who asks for it.

Deciding only: definitions and elements are read, nothing is run and no repository is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .antlet_templates import ApplianceRecipe, Template
from .elements import Element, Target, closure, environment, installs, mapped
from .images import Base, Image, element_folders
from .packaging import PackageFile
from .yamlfile import validate

__all__ = ["Wanted", "element_target", "named_by", "wanted_by_template", "wanted_packages"]

_VERBS = ("install", "download")
_WITH_VALUE = ("-o", "--option", "-t", "--target-release")


@dataclass(frozen=True)
class Wanted:
    """A package, or something that packages provide, such as `redhat-lsb-core`."""

    name: str
    by: tuple[str, ...]
    """Who asks for it, as a person would look for it: `element edgelinux-base`, `images/edgelinux.yaml`."""


def wanted_packages(root: Path, image: Image, base: Base) -> tuple[Wanted, ...]:
    """Return what is asked for, sorted by name; raises EdgeLinuxError.

    Not in it: what only other packages depend on, packages that are made from this repository, and names
    that are known only when the kernel is, such as `linux-headers-{kernel}`.
    """
    found: dict[str, list[str]] = {}
    for name, who in _asked(root, image, base):
        found.setdefault(name, []).append(who)
    return tuple(Wanted(name, tuple(sorted(set(found[name])))) for name in sorted(found))


def _asked(root: Path, image: Image, base: Base) -> Iterator[tuple[str, str]]:
    elements, target = element_target(root, image, base)
    for element in elements:
        for asked in installs(element, target):
            for name in mapped(element, asked, target):
                yield name, f"element {element.name}"
    for name in base.bootstrap:
        yield name, f"element {base.element} itself"
    for name in image.packages:
        yield name, f"images/{image.name}.yaml"
    yield from _of_local_packages(root, image, base)
    for name in _of_commands(base):
        yield name, f"images/bases/{base.name}.yaml (zfs)"


def wanted_by_template(root: Path, image: Image, base: Base, template: Template) -> tuple[str, ...] | None:
    """Return the names that an antlet template asks for; None if it is made of another base.

    `image` is the one that it travels with. Raises EdgeLinuxError.
    """
    recipe = template.recipe
    if isinstance(recipe, ApplianceRecipe):
        parts = recipe.bases.get(base.name)
        return named_by(parts.download) if parts else None
    if recipe.base != base.name:
        return None
    # To elements, a template is an image.
    like = image.model_copy(
        update={
            "elements": recipe.elements,
            "packages": recipe.packages,
            "environment": dict(recipe.environment),
            "local_packages": (),
        }
    )
    bare = base.model_copy(update={"pypi": (), "zfs": base.zfs.model_copy(update={"commands": ()})})
    return tuple(wanted.name for wanted in wanted_packages(root, like, bare))


def element_target(root: Path, image: Image, base: Base) -> tuple[tuple[Element, ...], Target]:
    """Return the image's elements on a base with all that they need, and what names are mapped for."""
    elements = closure(element_folders(root), (base.element, *image.elements))
    given = {**base.environment, **image.environment, "ARCH": base.arch}
    return elements, Target(base.family, environment(elements, given))


def _of_local_packages(root: Path, image: Image, base: Base) -> Iterator[tuple[str, str]]:
    """Yield what the packages made from this repository depend on, but for each other."""
    files = {path: validate(PackageFile, root / path) for path in image.local_packages}
    own = {data.name for data in files.values()} | {package.package for package in base.pypi}
    for path, data in files.items():
        for name in (*base.packages.python, *data.depends):
            if name not in own:
                yield from ((other, path) for other in base.packages.names.get(name, (name,)))
    for package in base.pypi:
        for name in (*base.packages.python, *package.depends):
            if name not in own:
                yield name, f"images/bases/{base.name}.yaml (pypi)"


def _of_commands(base: Base) -> Iterator[str]:
    """Yield the packages that the commands which compile ZFS install."""
    for argv in base.zfs.commands:
        for word in named_by(argv):
            # `name = version`, as dnf takes it; what the version is, is known when there is a kernel.
            name = word.split()[0] if word.split()[1:2] == ["="] and "{" in word else word
            if "{" not in name:
                yield name


def named_by(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the packages that a command such as `apt-get install --yes NAME` installs or downloads."""
    verb = next((word for word in argv if word in _VERBS), None)
    if verb is None:
        return ()
    words = iter(argv[argv.index(verb) + 1 :])
    found = []
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    return tuple(found)
