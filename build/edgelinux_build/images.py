"""Image and base definitions: the schema of images/*.yaml and images/bases/*.yaml."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import Field, model_validator

from .repositories import Key, Repository
from .schema import Argv, Name, Relation, Schema, Size, TreePath, Version, Word, Words
from .yamlfile import Document, KeyPath, load, validate_document

__all__ = [
    "Base",
    "Emulator",
    "Image",
    "element_folders",
    "load_base",
    "load_bases",
    "load_image",
    "load_images",
    "names",
]


class Budget(Schema):
    """Limits that fail the build when an artefact outgrows them."""

    iso: Size
    iso_on: dict[Name, Size] = Field(default={})
    """That of the ISO on bases where it is another."""
    templates: Size | None = None
    """Of all antlet templates on the medium."""


class Squashfs(Schema):
    """How the tree is packed."""

    level: int = Field(15, ge=1, le=22)
    """zstd level."""
    exclude: tuple[Word, ...] = ()
    """Wildcards below the root, beyond the contents of volatile directories, which never go in."""


class Image(Schema):
    """An OS image; the file's name is its name."""

    name: Name
    product: str = Field(min_length=1)
    version: Version
    bases: tuple[Name, ...] = ()
    """Bases the image may be built on; empty: every base there is."""
    elements: tuple[Name, ...] = Field(min_length=1)
    packages: tuple[Word, ...] = ()
    """Packages beyond those that the elements install, by the base's names."""
    environment: dict[str, str] = Field(default={})
    """Variables of the elements."""
    kernel_args: tuple[Word, ...] = ()
    """On the kernel command line of the live and of the installed system."""
    templates: tuple[Name, ...] = ()
    """Antlet templates that travel on the medium: directories of images/templates."""
    template_mirrors: dict[Name, Annotated[str, Field(pattern=r"^https?://\S+$")]] = Field(default={})
    """Archives from which antlets take packages, by the base that they are made of; without one they have no
    package sources."""
    budget: Budget
    squashfs: Squashfs = Squashfs(level=15)
    local_packages: tuple[str, ...] = ("hostd/packaging/package.yaml", "kickstart/packaging/package.yaml")
    """Descriptions of the packages that are built from this repository and installed into the tree."""

    def iso_budget(self, base: str) -> int:
        """Return how many bytes the ISO on a base may have."""
        return self.budget.iso_on.get(base, self.budget.iso)


class Mirrors(Schema):
    """Where the base's packages come from, and what proves that a URL is such a mirror."""

    kind: Literal["apt", "urls", "repositories"]
    """`apt`: the URIs of the build host's apt configuration; `urls`: those listed here; `repositories`: one
    URL for each RPM repository."""
    probe: Word
    """Path below the archive's, or each repository's, URL that a mirror of this base answers."""
    security_probe: str = ""
    """The same of the security archive, if the base has one of its own."""
    urls: tuple[str, ...] = ()
    repositories: tuple[Repository, ...] = ()
    keys: dict[Name, Key] = Field(default={})
    """What the repositories sign with."""
    architecture: str = Field("", pattern=r"^\S*$")
    """As the repositories' packages name it, where that is not the plain name for `arch`. Packages of the
    plain one are taken, too; the build host's dnf and rpm need not know it."""
    keyring: str = Field("", pattern=r"^(/\S*)?$")
    """File of the build host with the keys that the archive's index is signed with."""
    archive_env: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """Variable of the base's element that takes the archive's URL, or the directory with the repositories'
    configuration."""
    security_env: str | None = Field(None, pattern=r"^[A-Z][A-Z0-9_]*$")

    @model_validator(mode="after")
    def _consistent(self) -> Mirrors:
        if self.kind == "urls" and not self.urls:
            raise ValueError("kind `urls` needs `urls`")
        if self.kind == "repositories" and not self.repositories:
            raise ValueError("kind `repositories` needs `repositories`")
        identifiers = [repository.id for repository in self.repositories]
        if len(set(identifiers)) != len(identifiers):
            raise ValueError("two repositories have the same id")
        named = {key for repository in self.repositories for key in repository.keys}
        if unknown := sorted(named - self.keys.keys()):
            raise ValueError(f"there is no key {unknown[0]} in `keys`")
        if bool(self.security_env) != bool(self.security_probe):
            raise ValueError("security_env and security_probe belong together")
        return self


class BootFiles(Schema):
    """The base's boot loader, where its packages put it in the tree."""

    shim: TreePath
    mokmanager: TreePath
    grub_efi: TreePath
    grub_efi_prefix: TreePath
    grub_efi_cd: TreePath
    grub_efi_cd_prefix: TreePath
    grub_efi_net: TreePath
    grub_efi_net_prefix: TreePath
    """Where grub_efi_net looks for its grub.cfg on the server that it was loaded from."""
    grub_pc: TreePath
    grub_mkimage: TreePath = "/usr/bin/grub-mkimage"


class Pin(Schema):
    """How the package manager is told to take a certain version, whatever else the archive has."""

    file: TreePath
    """Exists only while the tree is made."""
    entry: str
    """For each package; filled in: {name}, {version}."""


class TreePackages(Schema):
    """The package manager of the tree."""

    list: Argv
    """Command run in the tree that prints `name<TAB>version` lines."""
    sources: dict[TreePath, str] = Field(default={})
    """Files that name the package sources, which the tree does not keep. Filled in: {archive}, {security},
    {repositories} (the configuration of all of them)."""
    refresh: Argv
    """Command that loads the archive's index and checks its signature."""
    describe: tuple[str, ...] = ()
    """Command that prints what the index has of the packages whose words are appended: lines and paragraphs
    with the fields of deb-control(5) Package, Version, Architecture, SHA256, Filename, Source, Maintainer."""
    describe_word: str = ""
    """What is appended for a package; filled in: {name}, {version}."""
    pin: Pin | None = None
    locked: dict[TreePath, str] = Field(default={})
    """Files, gone afterwards as the pins are, that have a build with a lock file take an index of any age."""
    copyright: str = Field("", pattern=r"^(/.*)?$")
    """Licences of a package, as Debian's machine-readable copyright file; filled in: {name}."""
    purl: str
    """Package URL (purl-spec); filled in: {name}, {version}, {architecture}."""
    install_local: Argv
    """Command run in the tree; the paths of package files are appended."""
    kind: Literal["deb", "rpm"]
    """Format of the packages that are made from this repository."""
    architecture: Word = "all"
    python: tuple[Relation, ...] = ("python3",)
    """What a package with Python modules depends on, as the packages' format writes it."""
    names: dict[Word, Words] = Field(default={})
    """Dependencies whose name on this base differs from that in package.yaml: one name, or a list of several
    or of none."""


class Pair(Schema):
    """Versions that were tested with each other, each as far as it counts: `6.12` is every 6.12.x."""

    kernel: Version
    zfs: Version


class Zfs(Schema):
    """How ZFS is compiled in an overlay over the tree. Filled in: {kernel}, {jobs}, {archive}, {security}.

    The package sources are there, and the archive's index is loaded.
    """

    userland: Word
    """Installed package whose version is the version the modules must have."""
    files: dict[TreePath, str] = Field(default={})
    """Files needed while compiling; they do not stay."""
    packages_env: dict[str, str] = Field(default={})
    commands: tuple[Argv, ...] = Field(min_length=1)
    compiler: Word = "gcc"
    """The C compiler that the commands have brought along, called as GCC is."""
    modules: Word
    """Directory below <modules>/<kernel> that holds what was compiled."""
    log: TreePath
    """Wildcard of the compiler's logs, shown when compiling fails."""
    version: Argv
    """Command run in the overlay that prints the version that was compiled."""
    package: Name
    """Package that holds what was compiled."""
    tested: Pair
    """Kernel and ZFS go together: an image with others is not made before somebody has tested them."""
    stand_in: tuple[Relation, ...] = ()
    """What a package without files provides in place of one with the modules, so that none is installed in
    the tree. For bases whose element makes no such package by itself. Filled in: {zfs}, its version."""


class Watched(Schema):
    """What of a newer package set is looked at first: names or wildcards of packages."""

    kernel: tuple[Word, ...] = ()
    zfs: tuple[Word, ...] = ()


class Emulator(Schema):
    """The tree's QEMU, as it can be started on a build host whose own is too old for quick emulation."""

    program: TreePath
    loader: TreePath
    """The program interpreter that the program names (ELF, PT_INTERP)."""
    libraries: TreePath
    modules: TreePath
    """What QEMU loads at run time."""
    data: tuple[TreePath, ...]
    """Firmware and option ROMs, in the order in which they are searched."""


class PyPiPackage(Schema):
    """A pure Python distribution the base has no package of; made from the one that the build runs with."""

    name: str
    version: str
    package: Name
    depends: tuple[Word, ...] = ()
    licence: str = ""
    """What its sources say, as an SPDX expression, for a distribution whose metadata has none."""


class Base(Schema):
    """A base distribution; the file's name is its name."""

    name: Name
    label: str = Field(min_length=1)
    release: str
    family: Word
    arch: Word
    cpu_level: Literal["x86-64-v1", "x86-64-v2", "x86-64-v3"]
    preference: int | None = 0
    """`--base auto` takes the reachable base with the highest number, and none without."""
    element: Name
    bootstrap: tuple[Word, ...] = ()
    """Packages that the element asks for by itself, beyond its package-installs.yaml."""
    mirrors: Mirrors
    environment: dict[str, str] = Field(default={})
    modules: TreePath
    kernel_path: TreePath
    initramfs_path: TreePath
    python_packages: TreePath
    boot: BootFiles
    packages: TreePackages
    zfs: Zfs
    watched: Watched = Watched()
    emulator: Emulator | None = None
    selinux: bool = False
    """Whether the image has a policy and its kernel enforces it; if not, kickstarts cannot ask for it."""
    pypi: tuple[PyPiPackage, ...] = ()
    clean: tuple[Word, ...] = ()
    """Wildcards below the root of what the finished tree does not keep, beyond keys, identities and seeds."""


def load_image(root: Path, name: str) -> Image:
    """Load images/<name>.yaml; raises EdgeLinuxError."""
    document = _document(root / "images", name, "image")
    image = validate_document(Image, document)
    _check_name(document, image.name)
    for index, element in enumerate(image.elements):
        _check_element(document, ("elements", index), element, root)
    for index, file in enumerate(image.local_packages):
        if not (root / file).is_file():
            raise document.error(("local_packages", index), f"there is no file {file}")
    for index, template in enumerate(image.templates):
        if not (root / "images" / "templates" / template / "build.yaml").is_file():
            raise document.error(("templates", index), f"there is no template {template}")
    named: list[tuple[KeyPath, str]] = [(("bases", index), base) for index, base in enumerate(image.bases)]
    named += [(("template_mirrors", base), base) for base in image.template_mirrors]
    named += [(("budget", "iso_on", base), base) for base in image.budget.iso_on]
    for key, base in named:
        if base not in names(root / "images" / "bases"):
            raise document.error(key, f"there is no base {base}")
    return image


def load_base(root: Path, name: str) -> Base:
    """Load images/bases/<name>.yaml; raises EdgeLinuxError."""
    document = _document(root / "images" / "bases", name, "base")
    base = validate_document(Base, document)
    _check_name(document, base.name)
    _check_element(document, ("element",), base.element, root)
    return base


def load_images(root: Path) -> tuple[Image, ...]:
    """Load all OS images, by name."""
    return tuple(load_image(root, name) for name in names(root / "images"))


def load_bases(root: Path) -> tuple[Base, ...]:
    """Load all bases, the most preferred first."""
    bases = [load_base(root, name) for name in names(root / "images" / "bases")]
    return tuple(
        sorted(bases, key=lambda base: (base.preference is None, -(base.preference or 0), base.name))
    )


def names(folder: Path) -> tuple[str, ...]:
    """Names of the definitions in a folder."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def _document(folder: Path, name: str, kind: str) -> Document:
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(names(folder)) or "none"
        raise EdgeLinuxError(f"there is no {kind} {name!r}", hint=f"known: {known}", exit_code=2)
    return load(path)


def _check_name(document: Document, name: str) -> None:
    if name != document.path.stem:
        raise document.error(("name",), f"is {name!r}, but the file is {document.path.name}")


def _check_element(document: Document, key: KeyPath, element: str, root: Path) -> None:
    if not any((folder / element).is_dir() for folder in element_folders(root)):
        raise document.error(key, f"there is no element {element}")


def element_folders(root: Path) -> tuple[Path, ...]:
    """Folders that hold elements: this repository's, then those of diskimage-builder.

    Raises EdgeLinuxError.
    """
    spec = importlib.util.find_spec("diskimage_builder")
    if spec is None or spec.origin is None:
        raise EdgeLinuxError("diskimage-builder is not installed in this Python", hint="run `make iso`")
    return (root / "elements", Path(spec.origin).parent / "elements")
