"""Which stage builds which template."""

from __future__ import annotations

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.antlet_templates import ApplianceRecipe, DiskRecipe, Template, load_template
from edgelinux_build.images import load_base
from edgelinux_build.stage import Project

from .template import TemplateStage
from .template_appliance import ApplianceTemplate
from .template_root import DiskTemplate, RootTemplate

__all__ = ["template_stage", "template_stages"]


def template_stages(project: Project) -> tuple[TemplateStage, ...]:
    """Return the stages of the templates that travel on the image's medium; raises EdgeLinuxError."""
    return tuple(
        template_stage(project, load_template(project.root, name)) for name in project.image.templates
    )


def template_stage(project: Project, template: Template) -> TemplateStage:
    """Return the stage that builds a template; raises EdgeLinuxError."""
    recipe = template.recipe
    if isinstance(recipe, ApplianceRecipe):
        if project.base.name not in recipe.bases:
            raise EdgeLinuxError(
                f"template {template.name} cannot be built on {project.base.name}",
                hint=f"{template.files}/build.yaml has a recipe for {', '.join(sorted(recipe.bases))}",
            )
        return ApplianceTemplate(template, project.base, recipe)
    base = load_base(project.root, recipe.base)
    if isinstance(recipe, DiskRecipe):
        return DiskTemplate(template, base, recipe)
    return RootTemplate(template, base, recipe)
