from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from edgelinux_build import build_cli
from edgelinux_build.cache import Cache, Result
from edgelinux_build.cache_cli import select
from edgelinux_build.cli import main
from edgelinux_build.rights import become_root, hand_over, make_directory, sudo_command
from edgelinux_hostd import __version__
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import BASE


@pytest.fixture(autouse=True)
def surroundings(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELINUX_ROOT", str(repository))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("EDGELINUX_DEBUG", raising=False)


def edgelinux(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("--version") == 0
    assert capsys.readouterr().out == f"edgelinux, version {__version__}\n"


def test_the_exit_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    for words in ("1 failed", "2 wrong", "3 root is needed", "4 no mirror answers", "5 no space left", "130"):
        assert words in text


def test_images(capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("images") == 0
    assert capsys.readouterr().out.splitlines() == [
        "IMAGE  PRODUCT   VERSION  BASES   ISO BUDGET",
        "small  Small OS  1.2.3    base-1  10 MB",
    ]
    assert edgelinux("images", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["bases"] == ["base-1"]


def test_explain(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert edgelinux("build", "--explain") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["STAGE", "ACTION", "KEY", "WHY"]
    assert lines[1].split()[:2] == ["root-tree", "run"]
    assert lines[1].endswith("never built before")
    assert lines[2].split()[:3] == ["zfs-modules", "depends", "-"]
    assert lines[2].endswith("runs if its inputs change: known after root-tree")
    assert lines[-1].split()[:2] == ["iso", "depends"]
    assert not (tmp_path / "xdg").exists()


def test_explain_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("build", "small", "--base", "base-1", "--explain", "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["stage"] for row in rows][-1] == "iso"
    assert rows[0]["action"] == "run"
    assert len(rows[0]["key"]) == 64


def test_explain_what_is_forced(capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("build", "--explain", "--force", "root-tree") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("forced")
    assert "forced with" in lines[2]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("build", "other"), 2, "there is no image 'other' (known: small)"),
        (("build", "--base", "base-9"), 2, "small has no base 'base-9' (known: base-1)"),
        (("build", "--site", "missing.yaml"), None, "missing.yaml"),
        (("build", "--force", "everything"), 2, "Invalid value for '--force'"),
        (("brew",), 2, "No such command 'brew'"),
    ],
)
def test_errors(
    arguments: tuple[str, ...], code: int | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = edgelinux(*arguments)
    assert found == code if code is not None else found
    captured = capsys.readouterr()
    assert captured.out == ""
    assert expected in captured.err
    assert "Traceback" not in captured.err


def test_an_error_is_one_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / "images/bases/base-1.yaml"
    path.write_text(BASE.replace("label: Base 1\n", ""), encoding="utf-8")
    assert edgelinux("build") == 1
    assert capsys.readouterr().err == f"edgelinux: {path}:1: label: is missing\n"


def test_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EDGELINUX_ROOT")
    monkeypatch.chdir(tmp_path)
    assert edgelinux("images") == 2
    assert "no edgeLinux repository at" in capsys.readouterr().err


def test_the_repository_is_found_from_below(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EDGELINUX_ROOT")
    monkeypatch.chdir(repository / "elements/tiny")
    assert edgelinux("images") == 0


def test_an_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_cli, "load_project", interrupted)
    assert edgelinux("build") == 130
    assert capsys.readouterr().err.split("\n")[-2] == "edgelinux: interrupted"


def test_without_rights_the_command_to_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgelinux_build.rights.os.geteuid", lambda: 1000)
    monkeypatch.setattr("edgelinux_build.rights.shutil.which", lambda name: None)
    monkeypatch.setenv("EDGELINUX_MIRROR", "http://mirror.example")
    with pytest.raises(EdgeLinuxError) as caught:
        become_root(["build", "--site", "my site.yaml"], "building")
    assert caught.value.exit_code == 3
    text = str(caught.value)
    assert text.startswith("building needs root; run: sudo --preserve-env=")
    assert text.endswith("edgelinux_build.cli build --site 'my site.yaml'")
    assert "EDGELINUX_MIRROR" in text


def test_sudo_keeps_the_users_cache_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    command = sudo_command(["build"], ask=False)
    assert command[:2] == ["sudo", "-n"]
    assert {"HOME", "XDG_CACHE_HOME", "EDGELINUX_ROOT"} <= set(
        command[2].removeprefix("--preserve-env=").split(",")
    )
    assert command[-2:] == ["edgelinux_build.cli", "build"]
    assert sudo_command(["-q"], ask=False, module="tests.tree")[-3:] == ["-m", "tests.tree", "-q"]


def test_where_repositories_are_is_passed_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELINUX_REPO_BASEOS", "/srv/baseos")
    assert "EDGELINUX_REPO_BASEOS" in sudo_command(["build"], ask=False)[2]


def test_with_sudo_the_command_goes_on_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr("edgelinux_build.rights.os.geteuid", lambda: 1000)
    monkeypatch.setattr("edgelinux_build.rights.shutil.which", lambda name: "/usr/bin/sudo")
    done: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr("edgelinux_build.rights.subprocess.run", lambda *arguments, **options: done)

    def execv(path: str, argv: list[str]) -> None:
        called.append((path, argv[-1]))
        raise SystemExit(0)

    monkeypatch.setattr("edgelinux_build.rights.os.execv", execv)
    with pytest.raises(SystemExit):
        become_root(["build"], "building")
    assert called == [("/usr/bin/sudo", "build")]


@pytest.mark.skipif(os.geteuid() != 0, reason="owners can be changed by root only")
def test_what_sudo_makes_belongs_to_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1235")
    make_directory(tmp_path / "a/b")
    assert [(path.stat().st_uid, path.stat().st_gid) for path in (tmp_path / "a", tmp_path / "a/b")] == [
        (1234, 1235)
    ] * 2
    assert tmp_path.stat().st_uid == 0
    monkeypatch.delenv("SUDO_UID")
    (tmp_path / "file").touch()
    hand_over(tmp_path / "file")
    assert (tmp_path / "file").stat().st_uid == 0


def fill(cache: Cache) -> list[Result]:
    for key, used in (("old", 1_000_000.0), ("new", 2_000_000.0)):
        result = cache.obtain("stage", key, {}, lambda out, scratch: ("identity", {}))
        os.utime(result.path / "result.json", (used, used))
    return cache.results()


def test_listing_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(Cache(tmp_path / "xdg/edgelinux"))
    assert edgelinux("cache", "list", "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["stage"], row["key"], row["used"]) for row in rows] == [
        ("stage", "new", 2_000_000.0),
        ("stage", "old", 1_000_000.0),
    ]
    assert edgelinux("cache", "list") == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["STAGE", "KEY", "SIZE", "BUILT", "IN", "USED"]


def test_what_is_pruned(tmp_path: Path) -> None:
    results = fill(Cache(tmp_path / "xdg/edgelinux"))
    assert [result.key for result in select(results, 1_500_000.0, everything=False)] == ["old"]
    assert len(select(results, 0.0, everything=True)) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="what root built, root removes")
def test_pruning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = Cache(tmp_path / "xdg/edgelinux")
    fill(cache)
    assert edgelinux("cache", "prune") == 0
    assert cache.results() == []
    assert capsys.readouterr().out.startswith("removed 2 results")
    with cache.session():
        assert edgelinux("cache", "prune", "--all") == 1
    assert "a build uses the cache" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="what root built, root removes")
def test_pruning_everything_takes_downloads_with_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "xdg/edgelinux")
    fill(cache)
    kept = ("diskimage-builder/apt", "diskimage-builder-template-a/apt", "mirror/base-1/sets/package-set")
    for name in kept:
        (cache.root / name).mkdir(parents=True)
    assert edgelinux("cache", "prune") == 0
    assert all((cache.root / name).is_dir() for name in kept)
    assert edgelinux("cache", "prune", "--all") == 0
    assert not [name for name in kept if (cache.root / name.partition("/")[0]).exists()]


def test_the_module_is_the_command(repository: Path) -> None:
    argv = [sys.executable, "-m", "edgelinux_build.cli", "images"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=repository, check=True)
    assert "small" in done.stdout
