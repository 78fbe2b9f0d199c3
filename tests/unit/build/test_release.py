from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build import build_cli
from edgelinux_build.lock import lock_path, write_lock
from edgelinux_build.release import current_commit, uncommitted, what_a_release_lacks
from edgelinux_build.runner import Builder
from edgelinux_build.stage import Project

from tests.unit.build.fakes import make_lock
from tests.unit.build.test_cli import edgelinux
from tests.unit.build.test_signing import fingerprint, keyring
from tests.unit.build.test_stages import changed, keys

__all__ = ["fingerprint", "keyring"]

needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Builder", "-c", "user.email=builder@example.org"]
    subprocess.run(["git", *identity, "-C", root, *arguments], check=True, capture_output=True)


@pytest.fixture
def committed(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """A repository with an up-to-date lock file, all of it committed."""
    monkeypatch.setenv("EDGELINUX_ROOT", str(project.root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.delenv("EDGELINUX_SIGN_KEY", raising=False)
    write_lock(lock_path(project.root, "small", "base-1"), make_lock(project, epoch=1_600_000_000))
    git(project.root, "init")
    git(project.root, "add", "--all")
    git(project.root, "commit", "--message", "All there is")
    return project


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.removeprefix("edgelinux: ") for line in capsys.readouterr().err.splitlines()]


def test_a_release_says_all_that_it_lacks_at_once(
    committed: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (committed.root / "images/small.yaml").open("a", encoding="utf-8").write("# more\n")
    assert edgelinux("build", "--release") == 2
    assert lines(capsys) == [
        "no base is named: --base",
        "the repository has changes that are not committed: images/small.yaml",
        "no key signs it: --sign-key, or EDGELINUX_SIGN_KEY",
        "a release is not built without these",
    ]


def test_a_release_without_a_lock_file(committed: Project, capsys: pytest.CaptureFixture[str]) -> None:
    lock_path(committed.root, "small", "base-1").unlink()
    assert edgelinux("build", "--release", "--base", "base-1", "--sign-key", "nobody@example.org") == 2
    assert lines(capsys) == [
        "there is no lock file images/locks/small-base-1.lock.json: run `edgelinux lock small --base base-1`",
        "the repository has changes that are not committed: images/locks/small-base-1.lock.json",
        "the keyring has no secret key nobody@example.org (gpg --list-secret-keys shows it)",
        "a release is not built without these",
    ]


@pytest.mark.parametrize("option", ["--release", "--locked"])
def test_a_lock_file_that_is_out_of_date(
    committed: Project, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (committed.root / "elements/tiny/install.d/10-tiny").write_text("#!/bin/sh\n", encoding="utf-8")
    assert edgelinux("build", option, "--base", "base-1") == 2
    assert (
        "images/locks/small-base-1.lock.json was made for other elements or definitions: "
        "run `edgelinux lock small --base base-1`"
    ) in lines(capsys)


def test_a_locked_build_without_a_lock_file(committed: Project, capsys: pytest.CaptureFixture[str]) -> None:
    lock_path(committed.root, "small", "base-1").unlink()
    assert edgelinux("build", "--locked") == 2
    assert lines(capsys)[-1] == "a locked build is not possible"


def test_a_key_that_cannot_sign_is_refused_before_anything_is_built(
    committed: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert edgelinux("build", "--sign-key", "nobody@example.org") == 1
    assert "no secret key nobody@example.org" in lines(capsys)[-1]
    assert not (tmp_path / "xdg").exists()


def test_everyday_builds_need_none_of_it(committed: Project, capsys: pytest.CaptureFixture[str]) -> None:
    lock_path(committed.root, "small", "base-1").unlink()
    (committed.root / "more").write_text("", encoding="utf-8")
    assert edgelinux("build", "--explain") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["root-tree", "run"]


@needs_gpg
def test_a_release_with_all_it_needs(
    committed: Project, fingerprint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert what_a_release_lacks(committed.root, "base-1", [], fingerprint) == []
    seen: list[Project] = []

    class Seen(Builder):
        def __post_init__(self) -> None:
            seen.append(self.project)
            super().__post_init__()

    monkeypatch.setattr(build_cli, "Builder", Seen)
    arguments = ("--release", "--base", "base-1", "--sign-key", fingerprint, "--explain")
    assert edgelinux("build", *arguments) == 0
    assert seen[0].locked
    assert seen[0].commit == current_commit(committed.root)
    assert len(seen[0].commit) == 40
    assert seen[0].epoch == 1_600_000_000, "the lock's"


def test_what_is_not_committed(committed: Project, tmp_path: Path) -> None:
    assert uncommitted(committed.root) == []
    for name in "abcde":
        (committed.root / name).write_text("", encoding="utf-8")
    assert uncommitted(committed.root) == [
        "the repository has changes that are not committed: a, b, c and 2 more"
    ]
    (tmp_path / "bare").mkdir()
    assert uncommitted(tmp_path / "bare")[0].startswith(f"{tmp_path / 'bare'} is at no commit: fatal: ")


def test_the_commit_is_part_of_what_a_release_is_made_from(committed: Project) -> None:
    assert changed(keys(committed), keys(replace(committed, commit="a" * 40))) == {"iso"}
