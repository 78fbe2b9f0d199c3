"""`edgelinux template`: what antlets are made of, listed and built by itself."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from . import namespace
from .antlet_templates import ApplianceRecipe, Template, load_template, load_templates
from .cache import Cache, Result, cache_home
from .images import load_images
from .options import repo_option, take_repositories
from .progress import PlainReporter, make_reporter
from .project import find_root, load_project
from .rights import become_root, hand_over, make_directory
from .runner import Builder
from .stages import template_build_stages
from .stages.template import FILES
from .tables import show_table

__all__ = ["template"]

_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def template() -> None:
    """Antlet templates: list and build what is in images/templates."""


@template.command("list")
@_FORMAT
def list_(form: str) -> None:
    """List the antlet templates, and the images whose media they travel on."""
    root = find_root()
    images = load_images(root)
    rows = []
    for found in load_templates(root):
        on = [image.name for image in images if found.name in image.templates]
        rows.append(
            {
                "name": found.name,
                "kind": found.description.get("kind", ""),
                "bases": list(_bases(found)),
                "images": on,
                "label": found.description.get("label", ""),
            }
        )
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("TEMPLATE", "KIND", "BASE", "ON THE MEDIA OF", "LABEL"),
        [
            (
                str(row["name"]),
                str(row["kind"]),
                ", ".join(row["bases"]),
                ", ".join(row["images"]) or "-",
                str(row["label"]),
            )
            for row in rows
        ],
    )


def _bases(found: Template) -> tuple[str, ...]:
    recipe = found.recipe
    return tuple(sorted(recipe.bases)) if isinstance(recipe, ApplianceRecipe) else (recipe.base,)


@template.command("build")
@click.argument("name")
@click.option("--image", help="Image whose base and mirror it is built with (without: the only one).")
@click.option("--base", default="auto", show_default=True, help="Base distribution of the image, or auto.")
@repo_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Directory for it (without: out/templates/NAME)."
)
@click.option("--force", is_flag=True, help="Take the mirror's packages of today, whatever is cached.")
def build(
    name: str,
    image: str | None,
    base: str,
    repositories: Sequence[tuple[str, str]],
    out: Path | None,
    force: bool,
) -> None:
    """Build the template NAME: a directory that `antlet template import` takes."""
    started = time.monotonic()
    root = find_root()
    found = load_template(root, name)
    take_repositories(root, base, repositories)
    project = load_project(root, image, base, None, root / "out")
    stages = template_build_stages(project, found)
    target = (out or root / "out" / "templates" / name).resolve()
    become_root(sys.argv[1:], "building")
    namespace.enter()
    os.umask(0o022)
    builder = Builder(project, Cache(cache_home()), stages, make_reporter())
    forced = (stages[-1].name,) if force else ()
    try:
        with builder.cache.session(
            alone=force, on_wait=lambda: builder.reporter.note("waiting for another build")
        ):
            steps = builder.plan(forced)
            result = builder.run(steps)
            _copy(result, target)
    finally:
        builder.reporter.close()
    note = PlainReporter().note
    note(f"all {time.monotonic() - started:.1f} seconds")
    for path in sorted(target.iterdir()):
        click.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


def _copy(result: Result, target: Path) -> None:
    make_directory(target)
    for source in sorted((result.path / FILES).iterdir()):
        part = target / f".{source.name}.part"
        shutil.copyfile(source, part)
        part.rename(target / source.name)
        hand_over(target / source.name)
