"""Compiles the program that refuses a CPU which is too old, with the compiler that compiles ZFS."""

from __future__ import annotations

import shutil
from pathlib import Path

from .stage import Project
from .tree import make_layer_folder, run_in

__all__ = ["PROGRAM", "SOURCE", "compile_argv", "compile_check"]

SOURCE = "hostd/dracut/99edgelinux-cpu/edgelinux-cpu.c"
PROGRAM = "usr/lib/edgelinux/edgelinux-cpu"


def compile_argv(compiler: str, source: str, program: str) -> list[str]:
    """Return the command: a static program without library that runs on every x86-64 processor.

    `-march` is explicit, since a distribution's compiler makes code for the level that it is to refuse.
    """
    return [
        *(compiler, "-Wall", "-Wextra", "-Werror", "-Os", "-march=x86-64", "-mtune=generic"),
        *(
            "-ffreestanding",
            "-fno-stack-protector",
            "-fno-asynchronous-unwind-tables",
            "-fcf-protection=none",
        ),
        *("-fno-pie", "-no-pie", "-nostdlib", "-static", "-s", "-Wl,--build-id=none", "-Wl,-z,noexecstack"),
        *("-o", program, source),
    ]


def compile_check(project: Project, tree: Path, layer: Path, log: Path) -> None:
    """Compile inside `tree`, prepared for chroot, and put the program into `layer`; raises StageError."""
    work = tree / "tmp"
    shutil.copyfile(project.root / SOURCE, work / "edgelinux-cpu.c")
    inside = "/tmp/edgelinux-cpu"  # noqa: S108 the tree's own
    run_in(tree, compile_argv(project.base.zfs.compiler, f"{inside}.c", inside), log)
    folder = make_layer_folder(layer, str(Path(PROGRAM).parent))
    shutil.copyfile(work / "edgelinux-cpu", folder / Path(PROGRAM).name)
    (folder / Path(PROGRAM).name).chmod(0o755)
