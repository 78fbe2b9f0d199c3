"""The directory of a mirror: what it may be, and that it is replaced as a whole or not at all."""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
from edgelinux_build.inputs import hash_file
from edgelinux_build.mirror import place
from edgelinux_build.mirror.package import MirrorPackage
from edgelinux_build.mirror.place import (
    Mirror,
    check_target,
    keep_only,
    problems,
    publish,
    read_mirror,
    reuse,
    working,
)
from edgelinux_hostd.errors import EdgeLinuxError


def mirror_of(folder: Path, *names: str) -> Mirror:
    """Put files into what is being made, and describe them."""
    packages = []
    for name in names:
        (folder / "core").mkdir(exist_ok=True)
        file = folder / "core" / name
        file.write_text(name)
        row = (
            name,
            "1",
            "noarch",
            "core",
            hash_file(file),
            file.stat().st_size,
            f"core/{name}",
            "",
            "",
            "",
            "",
        )
        packages.append(MirrorPackage(*row))
    return Mirror("small", "base-1", "repositories", False, tuple(packages))


def make(target: Path, *names: str) -> Mirror:
    with working(target) as folder:
        keep_only(folder, {f"core/{name}" for name in names})
        made = mirror_of(folder, *names)
        publish(folder, target, made)
    return made


@pytest.mark.parametrize("exchange", [True, False], ids=["in one step", "in two"])
def test_a_mirror_is_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        # As file systems answer that cannot exchange two names.
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(renameat2=lambda *_: -1))
        monkeypatch.setattr(ctypes, "get_errno", lambda: errno.EINVAL)
    target = tmp_path / "mirror"
    first = make(target, "one", "two")
    assert read_mirror(target) == first
    make(target, "two", "three")
    assert sorted(path.name for path in (target / "core").iterdir()) == ["three", "two"]
    assert problems(target) == []
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_an_empty_directory_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    make(tmp_path / "mirror", "one")
    assert problems(tmp_path / "mirror") == []


def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(EdgeLinuxError) as raised:
        make(tmp_path, "one")
    assert raised.value.message == f"{tmp_path} holds something else than a mirror: thesis.tex"
    assert raised.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("what", ["file", "link", "damaged"])
def test_what_else_is_no_place_for_a_mirror(tmp_path: Path, what: str) -> None:
    target = tmp_path / "mirror"
    if what == "file":
        target.write_text("")
    elif what == "link":
        target.symlink_to(tmp_path)
    else:
        target.mkdir()
        (target / "mirror.json").write_text("{}")
    with pytest.raises(
        EdgeLinuxError, match="mirror.json is damaged" if what == "damaged" else "is no directory"
    ):
        check_target(target)


def test_a_mount_point_cannot_be_replaced() -> None:
    with pytest.raises(EdgeLinuxError, match="/proc is a mount point"):
        check_target(Path("/proc"))


def test_two_runs_do_not_mix(tmp_path: Path) -> None:
    with (
        working(tmp_path / "mirror"),
        pytest.raises(EdgeLinuxError, match="another `edgelinux mirror` is at work"),
    ):
        make(tmp_path / "mirror", "one")


def interrupted(target: Path) -> None:
    with working(target) as folder:
        mirror_of(folder, "two")
        raise KeyboardInterrupt


def test_a_run_that_fails_leaves_the_old_mirror_and_its_own_work(tmp_path: Path) -> None:
    target = tmp_path / "mirror"
    make(target, "one")
    with pytest.raises(KeyboardInterrupt):
        interrupted(target)
    assert problems(target) == []
    assert [package.name for package in read_mirror(target).packages] == ["one"]
    with working(target) as folder:
        assert (folder / "core/two").read_text() == "two"


def test_what_is_there_is_taken_over_and_not_written_to(tmp_path: Path) -> None:
    target = tmp_path / "mirror"
    make(target, "one")
    with working(target) as folder:
        reuse(target, folder, ["core/one", "core/none"])
        assert (folder / "core/one").samefile(target / "core/one")
        assert not (folder / "core/none").exists()
        place.publish(folder, target, mirror_of(folder, "two"))
    # It is another directory now, with a file that nobody described.
    assert problems(target) == []


def test_every_change_is_found(tmp_path: Path) -> None:
    make(tmp_path / "mirror", "one", "two", "three")
    core = tmp_path / "mirror/core"
    (core / "one").unlink()
    (core / "two").write_text("2")
    (core / "four").write_text("")
    assert problems(tmp_path / "mirror") == [
        "core/one is missing",
        "core/four is not listed in SHA256SUMS",
        "core/two has changed: its SHA-256 is not the one in SHA256SUMS",
    ]
    (tmp_path / "mirror/SHA256SUMS").unlink()
    assert problems(tmp_path / "mirror") == ["there is no SHA256SUMS"]
