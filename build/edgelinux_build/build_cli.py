"""`edgelinux build`: plans, shows the plan, or carries it out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from . import namespace
from .cache import Cache, Result, cache_home
from .lock import lock_path, summary
from .options import repo_option, sign_key_option, take_repositories
from .outputs import sign_output
from .plan import Step
from .progress import PlainReporter, Reporter, make_reporter
from .project import find_root, load_project
from .release import current_commit, refuse_all, what_a_release_lacks
from .rights import become_root
from .runner import Builder
from .signing import fingerprint_of
from .stage import Project
from .stages import FORCIBLE, forced_stages, iso_stages
from .stages.lock_file import lock_problems
from .tables import format_table

__all__ = ["build", "report_lock"]


@click.command()
@click.argument("image", required=False)
@click.option("--base", "base", default="auto", show_default=True, help="Base distribution, or auto.")
@repo_option
@click.option("--site", type=click.Path(path_type=Path), help="Site file (without: the documented default).")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Directory for the ISO (without: out/ of the repository)."
)
@click.option("--locked", is_flag=True, help="Keep to the lock file (see `edgelinux lock`), or fail.")
@click.option(
    "--release",
    is_flag=True,
    help="Locked, from a clean repository, on the base named, signed; says all that is missing.",
)
@sign_key_option
@click.option("--explain", is_flag=True, help="Show which stages would run and why; build nothing.")
@click.option(
    "--force",
    multiple=True,
    type=click.Choice(FORCIBLE),
    help="Run a stage, and what builds on it, whatever is cached.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Of --explain, and of what is said about the ISO.",
)
def build(
    image: str | None,
    base: str,
    repositories: Sequence[tuple[str, str]],
    site: Path | None,
    out: Path | None,
    locked: bool,
    release: bool,
    sign_key: str,
    explain: bool,
    force: Sequence[str],
    form: str,
) -> None:
    """Build the ISO of IMAGE (which may be left out when there is only one)."""
    started = time.monotonic()
    root = find_root()
    take_repositories(root, base, repositories)
    project = load_project(
        root, image, base, site, out or root / "out", locked=locked or release, sign_key=sign_key
    )
    project = _checked(project, base, release)
    cache = Cache(cache_home())
    stages = iso_stages(project)
    builder = Builder(project, cache, stages, PlainReporter())
    force = sorted(forced_stages(force, stages))
    builder.reporter.note(f"base: {project.base.label} ({project.why_base})")
    steps = builder.plan(force)
    if explain:
        _explain(steps, form)
        return
    if steps[-1].result is None or force:
        become_root(sys.argv[1:], "building")
        # Before the display starts a thread: the build continues in a forked child.
        namespace.enter()
        os.umask(0o022)  # modes in trees and outputs do not depend on who builds
        builder.reporter = make_reporter()
        result = _build(builder, force)
    else:
        result = steps[-1].result
        builder.reporter.note("nothing changed")
        # Whoever signed it before: now it is this key.
        sign_output(project.out, sign_key)
    _report(builder, result, time.monotonic() - started, form)


def _checked(project: Project, base: str, release: bool) -> Project:
    """Return the project if all is there that was asked for; raises Refused, which names all that is not."""
    if release:
        named = [] if base == "auto" else _lock_problems(project)
        lacks = what_a_release_lacks(project.root, base, named, project.sign_key)
        refuse_all("a release is not built without these", lacks)
        return replace(project, commit=current_commit(project.root))
    if project.locked:
        refuse_all("a locked build is not possible", _lock_problems(project))
    if project.sign_key:
        fingerprint_of(project.sign_key)
    return project


def _lock_problems(project: Project) -> list[str]:
    return lock_problems(project, lock_path(project.root, project.image.name, project.base.name))


def _build(builder: Builder, force: Sequence[str]) -> Result:
    reporter = builder.reporter
    try:
        waiting = "waiting for another build" + (
            " to end, since this one replaces what it may use" if force else ""
        )
        with builder.cache.session(alone=bool(force), on_wait=lambda: reporter.note(waiting)):
            return builder.run(builder.plan(force))
    finally:
        reporter.close()


def _explain(steps: Sequence[Step], form: str) -> None:
    if form == "json":
        rows = [
            {"stage": step.stage.name, "action": step.action, "why": step.why, "key": step.key}
            for step in steps
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    rows_text = [(step.stage.name, step.action, (step.key or "-")[:12], step.why) for step in steps]
    for line in format_table(("STAGE", "ACTION", "KEY", "WHY"), rows_text):
        click.echo(line)


def _report(builder: Builder, result: Result, seconds: float, form: str) -> None:
    iso = builder.project.out / str(result.facts["iso"])
    report_lock(builder, result)
    if form == "json":
        times = {name: round(value, 1) for name, value in builder.seconds.items()}
        about = {"iso": str(iso), "size": result.facts["size"], "sha256": result.facts["sha256"]}
        click.echo(json.dumps({**about, "seconds": round(seconds, 1), "stages": times}, indent=2))
        return
    if builder.seconds:
        parts = [f"{name} {value:.1f}" for name, value in builder.seconds.items()]
        builder_note: Reporter = PlainReporter()
        builder_note.note(f"seconds: {', '.join(parts)}; all {seconds:.1f}")
    click.echo(f"{iso} ({int(str(result.facts['size'])) / 1e6:.0f} MB)")


def report_lock(builder: Builder, result: Result) -> None:
    """Say, where there is a lock file, that what was built is something else."""
    contents = result.facts.get("contents")
    status = contents.get("lock") if isinstance(contents, dict) else None
    lines = status.get("differences") if isinstance(status, dict) else None
    if builder.project.lock and isinstance(lines, list) and lines:
        found = summary([str(line) for line in lines])
        PlainReporter().note(f"not the locked packages, {len(lines)} differ: {found}")
