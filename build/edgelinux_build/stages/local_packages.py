"""Stage local-packages: hostd, installer, and what Python packages the base lacks, as its packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from edgelinux_hostd import __version__
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.debs import MAINTAINER, build_deb
from edgelinux_build.inputs import Json
from edgelinux_build.packaging import Package, Units, describe, load_package, pypi_package
from edgelinux_build.rpms import build_rpm
from edgelinux_build.rpmspec import spec_sha256
from edgelinux_build.stage import Context, Project, Stage, Upstream

__all__ = ["LocalPackages"]


class Format(NamedTuple):
    """How package files of one format are made."""

    build: Callable[[Package, str, Path, Path, Path, int], Path]
    """Of a package and its architecture, in a folder; with a scratch folder, a log and the time files get."""
    template: str = ""
    """Hash of what else goes into them."""


_FORMATS: Mapping[str, Format] = {
    "deb": Format(build_deb),
    "rpm": Format(build_rpm, spec_sha256()),
}


class LocalPackages(Stage):
    """Makes `packages/` with one package file each."""

    name: str = "local-packages"
    title: str = "packages of this repository"
    version: int = 2

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """Every packaged file and what the packages say about themselves."""
        return {
            "kind": project.base.packages.kind,
            "maintainer": MAINTAINER,
            "architecture": project.base.packages.architecture,
            "packages": {package.name: describe(package, project.root) for package in _packages(project)},
            "template": _FORMATS[project.base.packages.kind].template,
            **project.stamp,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Build all packages; how, depends on the base's package format."""
        base, folder = ctx.project.base, out / "packages"
        folder.mkdir()
        packages = _packages(ctx.project)
        build = _FORMATS[base.packages.kind].build
        for package in packages:
            build(package, base.packages.architecture, folder, ctx.scratch, ctx.log, ctx.project.epoch)
        verbs = tuple(Units.model_fields)
        return {
            "packages": {package.name: package.version for package in packages},
            "units": {
                verb: [unit for package in packages for unit in getattr(package.units, verb)]
                for verb in verbs
            },
        }


def _packages(project: Project) -> list[Package]:
    base = project.base
    found = [load_package(project.root / path, base, __version__) for path in project.image.local_packages]
    found += [pypi_package(spec, base) for spec in base.pypi]
    if len({package.name for package in found}) != len(found):
        raise EdgeLinuxError(f"two packages have the same name: {', '.join(p.name for p in found)}")
    return found
