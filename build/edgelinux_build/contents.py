"""What an image contains, put together from what its stages know: for manifest and bill of materials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .archive import ArchivePackage, from_json, read_index
from .cache import Result
from .debs import MAINTAINER
from .images import Base, PyPiPackage
from .inputs import Json
from .licences import LICENCE, Declared, read_licences
from .lock import differences
from .packaging import pypi_licence
from .sbom import Component, archive_component
from .stage import Project
from .tree import fill

__all__ = ["components", "lock_status", "template_components"]

_ZFS_LICENCES = "CDDL-1.0 AND GPL-2.0-or-later"  # zfs.ko and spl.ko


def components(
    base: Base, packages: Mapping[str, str], index: Path, zfs: Mapping[str, Any]
) -> list[Component]:
    """Return the parts of an image.

    `packages` are those of the finished tree, with their versions; `index` is the result of the stage
    package-index; `zfs` are the facts of the stage zfs-modules.
    """
    known = {package.name: package for package in read_index(index)}
    licences = read_licences(index)
    from_pypi = {spec.package: spec for spec in base.pypi}

    def part(name: str, version: str) -> Component:
        if name in from_pypi:
            made_from = _pypi(from_pypi[name], version)
            return _own(name, version, made_from.licence, made_from)
        package = known.get(name)
        if package is None or package.own:
            return _own(name, version, Declared(LICENCE))
        return archive_component(package, licences.get(name, Declared()), _purl(base, package))

    return [*(part(name, version) for name, version in packages.items()), *_zfs_modules(base, zfs, licences)]


def template_components(base: Base, template: str, result: Path) -> Iterator[Component]:
    """Give the parts of an antlet template; `result` is that of its stage."""
    licences = read_licences(result)
    for package in read_index(result):
        part = archive_component(package, licences.get(package.name, Declared()), _purl(base, package))
        yield replace(part, within=template)


def _zfs_modules(
    base: Base, facts: Mapping[str, Any], licences: Mapping[str, Declared]
) -> Iterator[Component]:
    """What was compiled lies in no package; its source is the one that the user space is built from."""
    licence = licences.get(base.zfs.userland, Declared())
    for package in from_json(facts["packages"]):
        if package.name == base.zfs.package:
            source = archive_component(package, licence, _purl(base, package))
            yield Component(
                name="zfs-modules",
                version=str(facts["zfs"]),
                licence=Declared(_ZFS_LICENCES),
                supplier=MAINTAINER,
                source=f"compiled from {package.name} {package.version} for kernel {facts['kernel']}",
                made_from=source,
            )


def _own(name: str, version: str, licence: Declared, made_from: Component | None = None) -> Component:
    return Component(name, version, licence, supplier=MAINTAINER, made_from=made_from)


def _pypi(spec: PyPiPackage, version: str) -> Component:
    purl = f"pkg:pypi/{spec.name.lower()}@{version}"
    return Component(spec.name, version, Declared(pypi_licence(spec)), purl=purl)


def _purl(base: Base, package: ArchivePackage) -> str:
    values = {"name": package.name, "version": package.version, "architecture": package.architecture}
    return fill(base.packages.purl, {key: quote(value, safe="") for key, value in values.items()})


def lock_status(
    project: Project, index: Result, zfs: Result, templates: Mapping[str, Result] | None = None
) -> dict[str, Json]:
    """Return what the manifest says of the lock file: whether it was kept to, and what differs from it."""
    lock = project.lock
    if lock is None:
        return {"used": False, "sha256": "", "differences": []}
    tree = {package.name: package.locked for package in read_index(index.path)}
    compiled: Any = zfs.facts["packages"]
    found = {package.name: package.locked for package in from_json(compiled)}
    lines = [*differences(lock.packages, tree), *differences(lock.zfs_packages, found)]
    for name, made in (templates or {}).items():
        inside = {package.name: package.locked for package in read_index(made.path)}
        lines += [f"{name}: {line}" for line in differences(lock.templates.get(name, {}), inside)]
    return {"used": project.locked, "sha256": lock.digest, "differences": [*lines]}
