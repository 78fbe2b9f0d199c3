"""The stages of the build, in an order in which each comes after those it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgelinux_build.antlet_templates import Template
from edgelinux_build.images import Base
from edgelinux_build.stage import PACKAGE_SET, Project, Stage, package_sets

from .bootloader import BootLoader
from .finished_tree import FinishedTree
from .initramfs import Initramfs
from .iso import Iso
from .local_packages import LocalPackages
from .lock_file import LockFile
from .package_index import PackageIndex
from .package_set import PackageSet
from .root_tree import RootTree
from .squashfs import SquashFs
from .template import TemplateStage
from .templates import template_stage, template_stages
from .zfs_modules import ZfsModules

__all__ = [
    "FORCIBLE",
    "forced_stages",
    "image_stages",
    "iso_stages",
    "lock_stages",
    "template_build_stages",
]

_TEMPLATES = "templates"

FORCIBLE = (
    PACKAGE_SET,
    RootTree.name,
    ZfsModules.name,
    PackageIndex.name,
    LocalPackages.name,
    FinishedTree.name,
    Initramfs.name,
    BootLoader.name,
    SquashFs.name,
    _TEMPLATES,
    Iso.name,
)
"""What can be told to run whatever is cached. `templates` stands for the stages of all antlet templates, and
`package-set` for what gets the packages of host and templates, where the base has that."""


def image_stages(base: Base) -> tuple[Stage, ...]:
    """Return what every image on a base has. An ISO has its antlet templates as well."""
    return (
        *_from_mirror(base),
        LocalPackages(),
        FinishedTree(),
        Initramfs(),
        BootLoader(),
        SquashFs(),
    )


def _from_mirror(base: Base) -> tuple[Stage, ...]:
    sets = package_sets(base)
    return (
        *(PackageSet(base) for _ in sets),
        RootTree(*sets),
        ZfsModules(*sets),
        PackageIndex(*sets),
    )


def forced_stages(names: Iterable[str], stages: Iterable[Stage]) -> set[str]:
    """Return the names of the stages that the names in FORCIBLE stand for."""
    found, stages = set(), [*stages]
    for name in names:
        kind = {_TEMPLATES: TemplateStage, PACKAGE_SET: PackageSet}.get(name)
        found |= {name} if kind is None else {stage.name for stage in stages if isinstance(stage, kind)}
    return found


def iso_stages(project: Project) -> tuple[Stage, ...]:
    """Return what makes an ISO; raises EdgeLinuxError when a template's definition is wrong."""
    templates = template_stages(project)
    names = (stage.name for stage in templates)
    return (*image_stages(project.base), *_with_packages(templates), Iso(names))


def lock_stages(project: Project) -> tuple[Stage, ...]:
    """Return what `edgelinux lock` runs: what takes packages from a mirror, and the file that lists them."""
    templates = template_stages(project)
    return (*_from_mirror(project.base), *_with_packages(templates), LockFile(templates))


def template_build_stages(project: Project, template: Template) -> tuple[Stage, ...]:
    """Return what builds one template, on the medium or not; raises EdgeLinuxError."""
    stage = template_stage(project, template)
    tree = [found for found in _from_mirror(project.base) if isinstance(found, (PackageSet, RootTree))]
    return (*(tree if RootTree.name in stage.needs else ()), *_with_packages([stage]))


def _with_packages(templates: Iterable[TemplateStage]) -> Iterator[Stage]:
    for stage in templates:
        yield from (PackageSet(stage.base, stage.template) for _ in package_sets(stage.base))
        yield stage
