"""Definitions of antlet templates: the schema of images/templates/<name>/build.yaml, and finding them.

The other two files of such a directory, template.yaml and antlet.xml.j2, travel with what is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import Field

from .images import load_base
from .schema import Argv, Name, Schema, Size, TreePath, Word
from .yamlfile import load, validate_document

__all__ = [
    "BUILD",
    "DESCRIPTION",
    "XML",
    "ApplianceRecipe",
    "DiskRecipe",
    "Packages",
    "Recipe",
    "RootRecipe",
    "Template",
    "load_template",
    "load_templates",
    "template_names",
]

BUILD = "build.yaml"
DESCRIPTION = "template.yaml"
XML = "antlet.xml.j2"


class _FromElements(Schema):
    base: Name
    """Of images/bases, whatever the host's is."""
    elements: tuple[Name, ...] = Field(min_length=1)
    packages: tuple[Word, ...] = ()
    environment: Mapping[str, str] = Field({})
    sources: Mapping[TreePath, str] = Field({})
    """Files that name package sources. Filled in: {archive}, {security}."""
    no_sources: Mapping[TreePath, str] = Field({})
    """Files that are there instead when the image names no mirror for the base."""


class RootRecipe(_FromElements):
    """A container's root, `root.tar.zst`, made by diskimage-builder."""

    build: Literal["root"]
    level: int = Field(19, ge=1, le=22)
    """zstd level."""


class DiskRecipe(_FromElements):
    """A machine's disk, `disk.qcow2`, with a tree made by diskimage-builder."""

    build: Literal["disk"]
    size: Size
    label: Word = Field("antlet-root", max_length=16)
    """Of the file system, by which the kernel finds it."""
    kernel: TreePath
    """What GRUB starts; a link that follows the antlet's own upgrades, with a relative target."""
    initramfs: TreePath
    kernel_args: tuple[Word, ...] = ()


class Packages(Schema):
    """What an appliance is made of on one base."""

    download: Argv
    """Command run in the tree, with package sources: leaves package files in `folder`, installs nothing."""
    folder: TreePath
    unpack: Argv
    """Command run in the tree for each package file, which unpacks it over the tree; filled in: {package}."""
    name: Argv
    """Command run in the tree that prints `name<TAB>version` of a package file; filled in: {package}."""
    kernel: TreePath
    """Wildcard of the one kernel."""
    modules: TreePath
    """Directory with one directory for each kernel."""
    busybox: TreePath
    """Statically linked."""
    programs: tuple[TreePath, ...] = ()
    """What goes into the root beside busybox, with the libraries that each needs."""


class ApplianceRecipe(Schema):
    """A machine's disk, `disk.raw.zst`, that boots by itself: kernel, busybox, some programs."""

    build: Literal["appliance"]
    size: Size
    kernel_args: tuple[Word, ...] = ()
    early_modules: tuple[Word, ...] = ()
    """In the initramfs, in the order in which they are loaded; with those that they need."""
    modules: tuple[Word, ...] = ()
    """In the root, with those that they need."""
    bases: dict[Name, Packages] = Field(min_length=1)


Recipe: TypeAlias = RootRecipe | DiskRecipe | ApplianceRecipe
_KINDS: dict[str, type[Recipe]] = {"root": RootRecipe, "disk": DiskRecipe, "appliance": ApplianceRecipe}


@dataclass(frozen=True)
class Template:
    """A template that can be built."""

    name: str
    folder: Path
    recipe: Recipe
    description: dict[str, Any]
    """template.yaml as it is in the repository: without version."""

    @property
    def files(self) -> str:
        """The folder, below the repository."""
        return f"images/templates/{self.name}"


def template_names(root: Path) -> tuple[str, ...]:
    """Return the names of the templates there are."""
    return tuple(sorted(path.parent.name for path in (root / "images" / "templates").glob(f"*/{BUILD}")))


def load_template(root: Path, name: str) -> Template:
    """Load images/templates/<name>; raises EdgeLinuxError, with file and line where a definition is wrong."""
    folder = root / "images" / "templates" / name
    if name not in template_names(root):
        known = ", ".join(template_names(root)) or "none"
        raise EdgeLinuxError(f"there is no template {name!r}", hint=f"known: {known}", exit_code=2)
    document = load(folder / BUILD)
    kind = document.data.get("build") if isinstance(document.data, dict) else None
    if kind not in _KINDS:
        raise document.error(("build",), f"is {kind!r}, must be one of {', '.join(_KINDS)}")
    recipe = validate_document(_KINDS[kind], document)
    if isinstance(recipe, _FromElements):
        load_base(root, recipe.base)
    described = load(folder / DESCRIPTION)
    if not isinstance(described.data, dict) or described.data.get("name") != name:
        raise described.error(("name",), f"is not {name!r}, the name of the directory")
    if "version" in described.data:
        raise described.error(("version",), "is the day of the build, which the build writes")
    if not (folder / XML).is_file():
        raise EdgeLinuxError(f"{folder} has no {XML}", exit_code=2)
    return Template(name, folder, recipe, described.data)


def load_templates(root: Path) -> tuple[Template, ...]:
    """Load all templates, by name."""
    return tuple(load_template(root, name) for name in template_names(root))
