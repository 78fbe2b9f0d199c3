"""Stage package-index: what the archive says of the tree's packages, and the licences they come under."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.archive import describe, lay_sources, write_index
from edgelinux_build.inputs import Json
from edgelinux_build.licences import read_copyright, write_licences
from edgelinux_build.lock import differences
from edgelinux_build.stage import Context, Project, Stage, Upstream
from edgelinux_build.tree import fill, mounted_for_chroot, overlay, run_in, use_host_resolver

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
        """Ask the signed index in an overlay with package sources, and read the copyright files."""
        packages, root = ctx.project.base.packages, ctx.upstream["root-tree"]
        installed = root.facts["packages"]
        if not isinstance(installed, dict):
            raise EdgeLinuxError("the tree's packages are not a mapping")
        wanted = {name: str(version) for name, version in installed.items()}
        with (
            overlay(ctx.scratch / "tree", [root.path / "tree"], ctx.scratch / "upper") as tree,
            mounted_for_chroot(tree),
            ctx.sources(ctx.project.base) as sources,
        ):
            lay_sources(tree, packages, sources)
            use_host_resolver(tree)
            run_in(tree, packages.refresh, ctx.log)
            found = describe(tree, packages, wanted)
        if ctx.project.locked and ctx.project.lock:
            refuse(differences(ctx.project.lock.packages, {name: p.locked for name, p in found.items()}))
        licences = {
            name: read_copyright(root.path / "tree" / fill(packages.copyright, {"name": name}).lstrip("/"))
            for name in wanted
        }
        write_index(out, found.values())
        write_licences(out, licences)
        return {"packages": len(found)}
