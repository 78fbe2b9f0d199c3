"""The stages of the build, in an order in which each comes after those it needs."""

from __future__ import annotations

from collections.abc import Iterable

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.antlet_templates import Template
from edgelinux_build.stage import Project, Stage

from .bootloader import BootLoader
from .finished_tree import FinishedTree
from .initramfs import Initramfs
from .iso import Iso
from .local_packages import LocalPackages
from .lock_file import LockFile
from .package_index import PackageIndex
from .root_tree import RootTree
from .squashfs import SquashFs
from .template import TemplateStage
from .templates import template_stage, template_stages
from .zfs_modules import ZfsModules

__all__ = ["FORCIBLE", "STAGES", "forced_stages", "iso_stages", "lock_stages", "template_build_stages"]

STAGES: tuple[Stage, ...] = (
    RootTree(),
    ZfsModules(),
    PackageIndex(),
    LocalPackages(),
    FinishedTree(),
    Initramfs(),
    BootLoader(),
    SquashFs(),
)
"""What every image has. An ISO has its antlet templates as well."""

_TEMPLATES = "templates"

FORCIBLE = (*(stage.name for stage in STAGES), _TEMPLATES, Iso.name)
"""What can be told to run whatever is cached; `templates` stands for the stages of all antlet templates."""


def forced_stages(names: Iterable[str], stages: Iterable[Stage]) -> set[str]:
    """Return the names of the stages that the names in FORCIBLE stand for."""
    wanted = {*names}
    templates = {stage.name for stage in stages if isinstance(stage, TemplateStage)}
    return wanted - {_TEMPLATES} | (templates if _TEMPLATES in wanted else set())


def iso_stages(project: Project) -> tuple[Stage, ...]:
    """Return what makes an ISO; raises EdgeLinuxError when a template's definition is wrong."""
    _refuse_unfinished(project)
    templates = template_stages(project)
    return (*STAGES, *templates, Iso(stage.name for stage in templates))


def _refuse_unfinished(project: Project) -> None:
    base = project.base
    if not base.packages.describe:
        raise EdgeLinuxError(
            f"an image on {base.label} cannot be built yet: nothing says how its package index is read",
            hint="README.md, Bases, has what can be done with it",
            exit_code=2,
        )


def lock_stages(project: Project) -> tuple[Stage, ...]:
    """Return what `edgelinux lock` runs: what takes packages from a mirror, and the file that lists them."""
    _refuse_unfinished(project)
    templates = template_stages(project)
    return (RootTree(), ZfsModules(), PackageIndex(), *templates, LockFile(templates))


def template_build_stages(project: Project, template: Template) -> tuple[Stage, ...]:
    """Return what builds one template, on the medium or not; raises EdgeLinuxError."""
    stage = template_stage(project, template)
    return (*((RootTree(),) if stage.needs else ()), stage)
