"""Stage package-index: what the archive says of the tree's packages, and the licences they come under."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.archive import write_index
from edgelinux_build.inputs import Json
from edgelinux_build.licences import write_licences
from edgelinux_build.lock import differences
from edgelinux_build.package_facts import describe_tree, licences_of
from edgelinux_build.stage import Context, Project, Stage, Upstream

from .root_tree import refuse

__all__ = ["PackageIndex"]


class PackageIndex(Stage):
    """Makes `packages.json` and `licences.json`; refuses what is not in the lock file of a locked build."""

    name: str = "package-index"
    title: str = "package index and licences"
    needs: tuple[str, ...] = ("root-tree",)
    downloads: bool = True

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The packages; the identity of a locked tree names its lock file."""
        packages = project.base.packages
        return {
            "root-tree": upstream["root-tree"].identity,
            "packages": packages.model_dump(
                mode="json", include={"sources", "refresh", "describe", "copyright"}
            ),
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Ask the signed index, or the package set, and read what the packages say of their licences."""
        root = ctx.upstream["root-tree"]
        installed = root.facts["packages"]
        if not isinstance(installed, dict):
            raise EdgeLinuxError("the tree's packages are not a mapping")
        wanted = {name: str(version) for name, version in installed.items()}
        found = describe_tree(ctx, ctx.project.base, root.path / "tree", wanted)
        if ctx.project.locked and ctx.project.lock:
            refuse(differences(ctx.project.lock.packages, {name: p.locked for name, p in found.items()}))
        write_index(out, found.values())
        write_licences(out, licences_of(ctx, ctx.project.base, root.path / "tree", wanted))
        return {"packages": len(found)}
