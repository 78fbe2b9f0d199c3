"""Finds the QEMU to start machines with: the build host's, or a newer one in a root tree that was built.

A QEMU before 8.1 emulates several processors with one thread only (see `accel.emulation`), which takes twice
as long. The image's own root tree carries a current one; it runs on the build host through the tree's loader,
with the tree's libraries.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.cache import Cache, cache_home
from edgelinux_build.images import Emulator, load_bases
from edgelinux_build.process import NOT_SET_UP
from edgelinux_build.project import find_root

__all__ = ["CURRENT", "Program", "choose", "find_qemu", "in_tree", "parse_version"]

HOSTS = ("qemu-system-x86_64", "/usr/libexec/qemu-kvm")
"""Debian's name, and EL's, which is on nobody's PATH."""
_NAMED = "EDGELINUX_QEMU"

CURRENT = (8, 1)
"""The first version that emulates several processors with a thread each, safely."""


@dataclass(frozen=True)
class Program:
    """A QEMU: the words that start it, and its version as (major, minor)."""

    argv: tuple[str, ...]
    version: tuple[int, int]

    @property
    def current(self) -> bool:
        """Whether it emulates several processors with a thread each."""
        return self.version >= CURRENT


def parse_version(text: str) -> tuple[int, int]:
    """Read what `qemu-system-x86_64 --version` prints; (0, 0) when that is something else."""
    match = re.search(r"version (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def in_tree(tree: Path, emulator: Emulator) -> tuple[str, ...]:
    """Return the words that start the QEMU of a tree on this host."""

    def path(inside: str) -> str:
        return str(tree / inside.lstrip("/"))

    data = [word for folder in emulator.data for word in ("-L", path(folder))]
    return (
        *("env", f"QEMU_MODULE_DIR={path(emulator.modules)}"),
        *(path(emulator.loader), "--library-path", path(emulator.libraries), path(emulator.program), *data),
    )


def choose(candidates: Iterable[Sequence[str]]) -> Program | None:
    """Return the first candidate that is current, else the first that runs at all."""
    found: Program | None = None
    for argv in candidates:
        version = _version(argv)
        if version is None:
            continue
        program = Program(tuple(argv), version)
        if program.current:
            return program
        found = found or program
    return found


@functools.cache
def find_qemu() -> Program:
    """Return the QEMU to use: $EDGELINUX_QEMU, else the host's, else that of the last root tree built.

    Raises:
        EdgeLinuxError: there is none.
    """
    named = os.environ.get(_NAMED)
    found = choose([[named]] if named else [*([name] for name in HOSTS), *_built()])
    if found is None:
        raise EdgeLinuxError(
            f"{named or HOSTS[0]} cannot be started", hint=f"mend {_NAMED}" if named else NOT_SET_UP
        )
    return found


def _built() -> Iterable[tuple[str, ...]]:
    """The QEMU of each root tree in the cache, the last used first."""
    try:
        emulators = [base.emulator for base in load_bases(find_root()) if base.emulator]
    except EdgeLinuxError:  # outside a repository there is nothing built, either
        return
    for result in Cache(cache_home()).results("root-tree"):
        for emulator in emulators:
            if (result.path / "tree" / emulator.program.lstrip("/")).is_file():
                yield in_tree(result.path / "tree", emulator)


def _version(argv: Sequence[str]) -> tuple[int, int] | None:
    try:
        done = subprocess.run([*argv, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return parse_version(done.stdout) if done.returncode == 0 else None
