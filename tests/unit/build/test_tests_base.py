"""`make … BASE=…`: the base is passed to all that builds."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests import run, tree
from tests.base import VARIABLE, base_under_test, build_argv
from tests.bench import building, guest
from tests.e2e.lab import Lab
from tests.long import __main__ as long

ROOT = Path(__file__).resolve().parents[3]
BASE = "centos-stream-10"


@pytest.fixture
def argvs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were to be run, all of which fail; EDGELINUX_TEST_BASE is set."""
    found: list[list[str]] = []

    def fail(argv: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        found.append([str(word) for word in argv])
        if options.get("check"):
            raise subprocess.CalledProcessError(2, argv)
        return subprocess.CompletedProcess(argv, 2)

    monkeypatch.setattr("subprocess.run", fail)
    monkeypatch.setenv(VARIABLE, BASE)
    return found


def make(*arguments: str, **environment: str) -> str:
    """What make prints, whatever make and base these tests are run by."""
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "BASE", VARIABLE)
    env = {name: value for name, value in os.environ.items() if name not in outer} | environment
    argv = ["make", *arguments]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True, env=env).stdout


@pytest.mark.parametrize("target", ["iso", "boot", "reproduce"])
def test_make_builds_on_the_base(target: str) -> None:
    said = make("--dry-run", target, f"BASE={BASE}")
    builds = [line for line in said.splitlines() if re.search(r"edgelinux (build|reproduce) ", line)]
    assert builds
    assert all(f" --base {BASE} " in f"{line} " for line in builds)
    assert "--base auto" in make("--dry-run", target)


def test_make_tells_the_tests() -> None:
    show = f"--eval=show: ; @printenv {VARIABLE}"
    assert make(show, "show", f"BASE={BASE}") == f"{BASE}\n"
    assert make(show, "show") == "auto\n"
    # Somebody else's, of the environment.
    assert make(show, "show", BASE="/srv/base") == "auto\n"


def test_without_a_word_it_is_the_one_that_can_be_built_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("auto", "", None):
        monkeypatch.delenv(VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(VARIABLE, value)
        assert base_under_test() == "debian-13"


def test_the_phases_build_on_it_and_end_when_that_fails(
    argvs: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "shell_files", list)
    assert run.main(["build", "tree", "e2e"]) == 1
    assert [argv[1:] for argv in argvs] == [["build", "--base", BASE]]
    assert capsys.readouterr().out.endswith("failed: build\n")


def test_the_tree_is_that_of_the_base(argvs: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    again: list[object] = []

    def become_root(arguments: list[str], *more: object, **options: object) -> None:
        again.append(arguments)
        raise SystemExit

    monkeypatch.setattr(tree, "become_root", become_root)
    for given in (["tests/unit/hostd", "-q"], ["--base", "other", "-k", "x"]):
        with pytest.raises(SystemExit):
            tree.main(given)
    assert again == [["--base", BASE, "tests/unit/hostd", "-q"], ["--base", "other", "-k", "x"]]


def test_everything_else_that_builds_does_it_on_the_base(argvs: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "artefacts").mkdir()
    with pytest.raises(AssertionError, match="default could not be made"):
        Lab(tmp_path / "artefacts", tmp_path / "scratch").iso("default")
    assert long.main([]) == 2
    with pytest.raises(subprocess.CalledProcessError):
        guest.build_iso(tmp_path)
    checkout = building.Checkout(tmp_path, tmp_path, tmp_path, tmp_path / "log")
    with pytest.raises(subprocess.CalledProcessError):
        checkout.build("--site", "x")
    assert len(argvs) == 4
    assert all(argv[: len(build_argv())] == build_argv() for argv in argvs)


def test_no_test_builds_in_a_way_of_its_own() -> None:
    """All go by tests.base."""
    wrong = re.compile(
        r"""edgelinux_build\.cli["'],\s*["'](build|lock)["']|load_project\([^)]*["']auto["']"""
    )
    folders = (ROOT / "tests" / name for name in ("e2e", "long", "bench"))
    files = [path for folder in folders for path in folder.rglob("*.py")] + [*(ROOT / "tests").glob("*.py")]
    found = [path.name for path in files if wrong.search(path.read_text(encoding="utf-8"))]
    assert found == ["base.py"]
