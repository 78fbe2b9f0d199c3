"""How the tests get into the built tree."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from edgelinux_build.cache import Cache
from edgelinux_build.stage import Project
from edgelinux_hostd.errors import EdgeLinuxError

from tests import run, tree


def test_the_phase_comes_after_the_build() -> None:
    names = [phase.name for phase in run.phases()]
    assert names.index("tree") == names.index("build") + 1


def test_the_unit_tests_run_on_all_processors_and_their_files_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.run.os.sched_getaffinity", lambda pid: {0, 1, 2})
    (command,) = next(phase.commands for phase in run.phases() if phase.name == "unit")
    assert command[-4:] == ("-n", "3", "--dist", "loadfile")


def test_what_a_distribution_needs_is_lent_as_well() -> None:
    found = tree.requirements(["pytest"])
    assert {"pytest", "pluggy", "iniconfig"} <= found
    assert "tomli" not in found  # for older Pythons only
    files = {str(inside) for _, inside in tree.plain_files("pytest")}
    assert {"pytest/__init__.py", "_pytest/config/__init__.py"} <= files
    assert not [name for name in files if name.startswith("..") or "__pycache__" in name]


def test_nothing_that_was_compiled_for_another_python_is_lent() -> None:
    compiled = [
        name
        for name in ("pydantic-core", "MarkupSafe")
        if any(file.suffix == ".so" for file in importlib.metadata.files(name) or ())
    ]
    assert compiled
    assert [tree.plain_files(name) for name in compiled] == [[] for _ in compiled]


def test_what_is_lent_shadows_nothing_of_the_trees(project: Project, tmp_path: Path) -> None:
    own = tmp_path / project.base.python_packages.lstrip("/")
    own.mkdir(parents=True)
    tree.lend(tmp_path, project)
    assert (tmp_path / "run/lent/pytest/__init__.py").is_file()
    # As Python does with the directories of its packages.
    code = f"import site, sys; site.addsitedir({str(own)!r}); print(*sys.path[-2:])"
    (own / "zz-lent.pth").write_text(f"{tmp_path}/run/lent\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(own), f"{tmp_path}/run/lent"]


def test_a_tree_that_is_not_built_is_said_so(project: Project, tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=r"root-tree is not built of these sources: never built before"):
        tree.layers(project, Cache(tmp_path))
