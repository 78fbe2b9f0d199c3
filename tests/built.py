"""What the build has made of these sources, found by its own plan."""

from __future__ import annotations

from collections.abc import Collection

from edgelinux_build.cache import Cache, Result
from edgelinux_build.progress import PlainReporter
from edgelinux_build.runner import Builder
from edgelinux_build.stage import Project, Stage
from edgelinux_build.stages import image_stages
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["built"]


def built(project: Project, cache: Cache, names: Collection[str]) -> dict[str, Result]:
    """Return the results of stages, by name; raises EdgeLinuxError when one is not built."""
    every = image_stages(project.base)
    needed: list[Stage] = []
    wanted = {*names}
    for stage in reversed(every):
        if stage.name in wanted:
            needed.insert(0, stage)
            wanted |= {*stage.needs}
    found: dict[str, Result] = {}
    for step in Builder(project, cache, needed, PlainReporter()).plan():
        if step.stage.name not in names:
            continue
        if step.result is None:
            raise EdgeLinuxError(
                f"stage {step.stage.name} is not built of these sources: {step.why}",
                hint=f"edgelinux build --base {project.base.name}",
            )
        found[step.stage.name] = step.result
    return found
