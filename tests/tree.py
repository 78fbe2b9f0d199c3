"""Runs hostd's unit tests in the finished tree, with what ships: its Python and packages, hostd as installed.

`python -m tests.tree [--base BASE]` after `edgelinux build`; other arguments go to pytest. Needs root.
Nothing is written to the tree: it lies below an overlay, in a mount namespace of its own.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgelinux_build import namespace
from edgelinux_build.cache import Cache, cache_home
from edgelinux_build.project import load_project
from edgelinux_build.rights import become_root
from edgelinux_build.stage import Project
from edgelinux_build.stages.finished_tree import FinishedTree
from edgelinux_build.tree import mounted_for_chroot, overlay
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from packaging.requirements import Requirement

from tests.base import base_under_test
from tests.built import built

ROOT = Path(__file__).resolve().parent.parent

# What the tests need beyond the tree's own packages. The build host's: all of it is plain Python.
_LENT = ("pytest", "hypothesis", "httpx")

_LAYERS = ("finished-tree", "zfs-modules", "root-tree")

_REPOSITORY = "run/repository"
_LIBRARY = "run/lent"


def requirements(names: Sequence[str]) -> set[str]:
    """Return these Python distributions and all they need, by name."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        needed = [Requirement(text) for text in importlib.metadata.requires(name) or ()]
        waiting += [one.name for one in needed if not one.marker or one.marker.evaluate({"extra": ""})]
    return found


def plain_files(name: str) -> list[tuple[Path, Path]]:
    """Return a distribution's files, each with its path below site-packages; none if any is compiled."""
    files = importlib.metadata.files(name) or []
    if any(file.suffix == ".so" for file in files):
        return []
    inside = [file for file in files if file.parts[0] != ".." and "__pycache__" not in file.parts]
    return [(Path(str(file.locate())), Path(file)) for file in inside]


def lend(tree: Path, project: Project) -> None:
    """Have the tree's Python find what it lacks of _LENT after everything of its own."""
    for name in sorted(requirements(_LENT)):
        for source, inside in plain_files(name):
            target = tree / _LIBRARY / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    # What .pth files add comes after the directory that they are in (Python's documentation of module site).
    hook = tree / project.base.python_packages.lstrip("/") / "zz-lent.pth"
    hook.write_text(f"/{_LIBRARY}\n", encoding="utf-8")


def layers(project: Project, cache: Cache) -> list[Path]:
    """Return the finished tree's layers, the topmost first; raises EdgeLinuxError when it is not built."""
    found = built(project, cache, _LAYERS)
    return [found[name].path / "tree" for name in _LAYERS]


def run_tests(tree: Path, project: Project, arguments: Sequence[str]) -> int:
    """Run pytest in a tree that is mounted for chroot; returns its exit status."""
    repository = tree / _REPOSITORY
    repository.mkdir()
    run(["mount", "--bind", "-o", "ro", ROOT, repository])
    lend(tree, project)
    words = {
        "PATH": "/usr/sbin:/usr/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
        "EDGELINUX_TREE": project.base.python_packages,
    }
    env = ["env", "-i", f"--chdir=/{_REPOSITORY}", *(f"{name}={value}" for name, value in words.items())]
    pytest = ["python3", "-m", "pytest", "-p", "no:cacheprovider", *(arguments or ("tests/unit/hostd", "-q"))]
    return subprocess.run(["chroot", str(tree), *env, *pytest], check=False).returncode


def base_and_words(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the base to test on, and what is left for pytest."""
    parser = argparse.ArgumentParser(prog="python -m tests.tree", add_help=False, allow_abbrev=False)
    parser.add_argument("--base", default=base_under_test())
    options, words = parser.parse_known_args(arguments)
    return options.base, words


def main(arguments: Sequence[str]) -> int:
    """Run the tests; returns the exit status."""
    base, words = base_and_words(arguments)
    # As an option, since sudo leaves the tests' variables behind.
    become_root(["--base", base, *words], "running tests in the tree", module="tests.tree")
    os.chdir(ROOT)
    namespace.enter()
    os.umask(0o022)
    project = load_project(ROOT, None, base, None, ROOT / "out")
    cache = Cache(cache_home())
    with cache.session(), cache.temporary(FinishedTree.name) as temp:
        found = layers(project, cache)
        with overlay(temp / "tree", found, temp / "upper") as tree, mounted_for_chroot(tree):
            return run_tests(tree, project, words)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeLinuxError as error:
        sys.exit(f"tests.tree: {error}")
