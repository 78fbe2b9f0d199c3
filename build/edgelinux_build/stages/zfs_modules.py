"""Stage zfs-modules: compiles ZFS for the tree's kernel in a copy of the tree, and keeps the modules only.

The one other program that has to be compiled, the check of the CPU's level, is compiled along with it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_build.archive import ArchivePackage, lay_sources, pins, to_json, upstream_version
from edgelinux_build.cpu_check import SOURCE, compile_check
from edgelinux_build.inputs import Json, hash_files
from edgelinux_build.lock import differences
from edgelinux_build.package_facts import describe_in
from edgelinux_build.process import StageError
from edgelinux_build.stage import GIB, Context, Project, Stage, Upstream
from edgelinux_build.tree import (
    capture_in,
    fill,
    make_layer_folder,
    mounted_for_chroot,
    overlay,
    put_files,
    run_in,
    set_times,
    use_host_resolver,
)

from .root_tree import parse_packages, refuse

__all__ = ["ZfsModules", "compiler_errors", "recipe"]

_ERRORS = re.compile(
    r"(\berror\b[: ]|undefined reference|\*\*\* |not found in the kernel|configure: error)", re.I
)


class ZfsModules(Stage):
    """Makes the layer `tree/` with the modules and the module index of the tree's kernel."""

    name: str = "zfs-modules"
    title: str = "ZFS kernel modules"
    version: int = 2
    needs: tuple[str, ...] = ("root-tree",)
    space: int = 2 * GIB
    downloads: bool = True

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """Kernel, ZFS and recipe; not the whole tree, so that another package list compiles nothing again."""
        root = upstream["root-tree"]
        return {
            "kernel": root.fact("kernel"),
            "modules": root.fact("modules"),
            "zfs": root.fact("zfs"),
            **recipe(project),
            "files": hash_files(project.root, [SOURCE]),
            **project.locked_to("zfs_packages"),
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Compile in an overlay, then take what was compiled."""
        base, root = ctx.project.base, ctx.upstream["root-tree"]
        kernel, wanted = str(root.facts["kernel"]), str(root.facts["zfs"])
        env = {**base.zfs.packages_env, "MAKEFLAGS": f"-j{ctx.project.jobs}"}
        ctx.say(f"ZFS {wanted} for kernel {kernel}")
        started = ctx.scratch / "started"
        started.touch()
        with (
            overlay(ctx.scratch / "tree", [root.path / "tree"], ctx.scratch / "upper") as tree,
            mounted_for_chroot(tree),
            ctx.sources(base) as sources,
        ):
            lay_sources(tree, base.packages, sources)
            values = {"kernel": kernel, "jobs": str(ctx.project.jobs), **sources}
            put_files(tree, {path: fill(text, values) for path, text in base.zfs.files.items()})
            use_host_resolver(tree)
            if ctx.project.locked and ctx.project.lock:
                put_files(tree, pins(base.packages, ctx.project.lock.host_packages))
            try:
                run_in(tree, base.packages.refresh, ctx.log, env=env)
                for argv in base.zfs.commands:
                    run_in(tree, [fill(word, values) for word in argv], ctx.log, env=env)
                run_in(tree, ["depmod", kernel], ctx.log)
                folder = f"{base.modules}/{kernel}".lstrip("/")
                # A package manager may well be content with a package whose compilation failed.
                if not any((tree / folder / base.zfs.modules).rglob("*.ko*")):
                    raise StageError(f"no module was compiled into /{folder}/{base.zfs.modules}", lines=())
            except StageError as error:
                raise _explained(error, tree, base.zfs.log) from error
            compiled = upstream_version(capture_in(tree, base.zfs.version).strip())
            if compiled != wanted:
                raise EdgeLinuxError(
                    f"the mirror has ZFS {compiled}, the tree has {wanted}",
                    hint="edgelinux build --force root-tree",
                )
            packages = _compile_packages(ctx, tree, root.facts["packages"])
            if ctx.project.locked and ctx.project.lock:
                found = {name: package.locked for name, package in packages.items()}
                refuse(differences(ctx.project.lock.zfs_packages, found))
            _take(tree, ctx.scratch / "upper", out / "tree", folder, base.zfs.modules)
            compile_check(ctx.project, tree, out / "tree", ctx.log)
        set_times(out / "tree", started, ctx.project.epoch)
        return {"kernel": kernel, "zfs": compiled, "packages": to_json(packages.values())}


def recipe(project: Project) -> dict[str, Json]:
    """Return what the base says of compiling ZFS."""
    return {
        "folder": project.base.modules,
        "recipe": project.base.zfs.model_dump(mode="json", exclude={"tested", "stand_in"}),
        "sources": dict(project.base.packages.sources),
    }


def _compile_packages(ctx: Context, tree: Path, before: Json) -> dict[str, ArchivePackage]:
    """Return what was installed to compile with, beyond what the tree has."""
    base = ctx.project.base
    known = before if isinstance(before, dict) else {}
    installed = parse_packages(capture_in(tree, base.packages.list))
    added = {name: version for name, version in installed.items() if known.get(name) != version}
    return describe_in(ctx, base, tree, added)


def _take(tree: Path, upper: Path, out: Path, folder: str, compiled: str) -> None:
    """Copy the compiled modules and the changed index files into the layer."""
    out.mkdir()
    out.chmod(0o755)
    target = make_layer_folder(out, folder)
    source = tree / folder / compiled
    make_layer_folder(target, str(Path(compiled).parent))
    run(["cp", "--archive", source, target / compiled])
    for index in sorted((upper / folder).glob("modules.*")):
        shutil.copy2(index, target / index.name)


def _explained(error: StageError, tree: Path, pattern: str) -> StageError:
    for log in sorted(tree.glob(pattern.lstrip("/"))):
        lines = compiler_errors(log.read_text(encoding="utf-8", errors="replace"))
        if lines:
            return StageError(f"compiling ZFS failed: {lines[0]}", lines=lines)
    hint = "if the mirror has a newer kernel by now: edgelinux build --force root-tree"
    return StageError(error.message, lines=error.lines, hint=hint)


def compiler_errors(text: str, limit: int = 15) -> list[str]:
    """Return the lines of a compiler's log that say what is wrong, else its last lines."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if _ERRORS.search(line)]
    return (wrong or lines[-limit:])[:limit]
