"""Stage lock-file: writes down the packages that tree and ZFS modules were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.archive import ArchivePackage, from_json, read_index
from edgelinux_build.inputs import Json, key_of
from edgelinux_build.lock import Lock, LockedPackage, LockedPyPi, summary, write_lock
from edgelinux_build.packaging import describe, pypi_package
from edgelinux_build.stage import Context, Project, Stage, Upstream

from .root_tree import RootTree
from .template import TemplateStage
from .templates import template_stages
from .zfs_modules import recipe

__all__ = ["LockFile", "lock_problems", "made_from"]


class LockFile(Stage):
    """Makes `lock.json`. Not part of the image: `edgelinux lock` has this stage as its goal."""

    name: str = "lock-file"
    title: str = "lock file"
    needs: tuple[str, ...] = ("root-tree", "zfs-modules", "package-index")

    def __init__(self, templates: Sequence[TemplateStage] = ()) -> None:
        self.templates = templates
        super().__init__(*(stage.name for stage in templates))

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """What was built, and the definitions it was built from."""
        return {
            **{name: upstream[name].identity for name in self.needs},
            "made_from": made_from(project),
            "epoch": project.epoch,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Put the lock together; a package whose file the archive no longer has cannot be locked."""
        project = ctx.project
        compiled: Any = ctx.upstream["zfs-modules"].facts["packages"]
        lock = Lock(
            image=project.image.name,
            base=project.base.name,
            made_from=made_from(project),
            source_date_epoch=project.epoch,
            packages=_locked(read_index(ctx.upstream["package-index"].path)),
            zfs_packages=_locked(from_json(compiled)),
            pypi=_pypi(project),
            templates={
                stage.template.name: _locked(read_index(ctx.upstream[stage.name].path))
                for stage in self.templates
            },
        )
        write_lock(out / "lock.json", lock)
        return {"packages": len(lock.packages), "zfs_packages": len(lock.zfs_packages)}


def _locked(packages: Iterable[ArchivePackage]) -> dict[str, LockedPackage]:
    found = list(packages)
    gone = [
        f"{package.name} {package.version}" for package in found if not package.sha256 and not package.own
    ]
    if gone:
        raise EdgeLinuxError(
            f"the archive's index no longer has {summary(gone)}", hint="edgelinux lock --update"
        )
    return {package.name: package.locked for package in found}


def _pypi(project: Project) -> dict[str, LockedPyPi]:
    return {
        spec.name: LockedPyPi(
            version=spec.version,
            sha256=key_of({"files": describe(pypi_package(spec, project.base), project.root)["files"]}),
        )
        for spec in project.base.pypi
    }


def made_from(project: Project) -> str:
    """Return the hash of all that decides which packages there are: elements, image, base, recipe of ZFS."""
    return key_of(
        {
            "root-tree": RootTree().definitions(project),
            "zfs-modules": recipe(project),
            "pypi": [spec.model_dump(mode="json") for spec in project.base.pypi],
            **{stage.name: stage.definitions(project) for stage in template_stages(project)},
        }
    )


def lock_problems(project: Project, path: Path) -> list[str]:
    """Say why the project cannot be built locked; empty when it can."""
    lock = project.lock
    shown = path.relative_to(project.root)
    command = f"edgelinux lock {project.image.name} --base {project.base.name}"
    if lock is None:
        return [f"there is no lock file {shown}: run `{command}`"]
    if lock.made_from != made_from(project):
        return [f"{shown} was made for other elements or definitions: run `{command}`"]
    current = _pypi(project)
    return [
        f"{name} {current[name].version} from PyPI is not the locked {locked.version} ({locked.sha256[:12]})"
        for name, locked in lock.pypi.items()
        if current.get(name) != locked
    ]
