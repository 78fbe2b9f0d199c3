from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build import package_facts
from edgelinux_build.archive import describe_argv, from_json, parse, pins, to_json, write_index
from edgelinux_build.build_cli import report_lock
from edgelinux_build.cache import Cache, Result
from edgelinux_build.debs import MAINTAINER
from edgelinux_build.inputs import Json
from edgelinux_build.lock import (
    LockedPackage,
    differences,
    load_lock,
    lock_path,
    summary,
    write_lock,
)
from edgelinux_build.mirrors import MirrorUrls
from edgelinux_build.process import StageError
from edgelinux_build.project import source_date_epoch
from edgelinux_build.runner import Builder
from edgelinux_build.stage import Context, Project
from edgelinux_build.stages import root_tree
from edgelinux_build.stages.lock_file import LockFile, lock_problems, made_from
from edgelinux_build.stages.root_tree import refuse, version_differences
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import FAKES, Recorder, locked, make_lock
from tests.unit.build.test_sbom import archived
from tests.unit.build.test_stages import changed, keys, write

SHOWN = f"""\
Package: curl
Source: curl (8.14.1-2)
Version: 8.14.1-2+b1
Architecture: amd64
Maintainer: Debian Curl Maintainers <team+curl@tracker.debian.org>
Filename: pool/main/c/curl/curl_8.14.1-2+b1_amd64.deb
SHA256: {"a" * 64}
Description: command line tool
 for transferring data
Homepage: https://curl.se/

Package: curl
Version: 8.0
SHA256: {"b" * 64}

Package: own-modules
Version: 1
Architecture: all
Maintainer: {MAINTAINER}
Status: install ok installed
"""


def package(version: str = "1", sha256: str = "a" * 64, architecture: str = "amd64") -> LockedPackage:
    return LockedPackage(version=version, architecture=architecture, sha256=sha256)


def test_what_the_index_says_of_packages() -> None:
    found = parse(SHOWN)
    assert list(found) == ["curl", "own-modules"]
    curl = found["curl"]
    assert (curl.version, curl.architecture, curl.sha256) == ("8.14.1-2+b1", "amd64", "a" * 64)
    assert (curl.source, curl.source_version) == ("curl", "8.14.1-2")
    assert curl.path.endswith("/curl_8.14.1-2+b1_amd64.deb")
    assert not curl.own
    assert found["own-modules"].own
    assert found["own-modules"].source_version == "1"
    assert [*from_json(to_json(found.values()))] == [*found.values()]  # type: ignore[arg-type]


def test_the_command_that_asks_the_index(project: Project) -> None:
    argv = describe_argv(project.base.packages, {"a": "1:2-3", "b": "4"})
    assert argv == ["show-packages", "a=1:2-3", "b=4"]


def test_the_pins_of_a_locked_build(project: Project) -> None:
    lock = make_lock(project, packages={"b": package("2"), "a": package("1")}, zfs={"cc": package("14")})
    files = {"/etc/pins": "a 1\nb 2\ncc 14\n", "/etc/any-age": "yes\n"}
    assert pins(project.base.packages, lock.host_packages) == files
    assert root_tree.order(replace(project, lock=lock, locked=True)).pins == files
    assert root_tree.order(replace(project, lock=lock)).pins == {}
    without = project.base.packages.model_copy(update={"pin": None, "locked": {}})
    assert pins(without, lock.host_packages) == {}


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_locked_build_takes_an_index_of_any_age(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    """Where the archive is asked about a tree: there is nothing to pin."""
    ages: list[bool] = []

    @contextlib.contextmanager
    def tree(at: Path, *layers: object) -> Iterator[Path]:
        at.mkdir()
        yield at

    def refresh(tree: Path, *arguments: object, **options: object) -> None:
        ages.append((tree / "etc/any-age").exists())

    monkeypatch.setattr(package_facts, "overlay", tree)
    monkeypatch.setattr(package_facts, "mounted_for_chroot", lambda tree: contextlib.nullcontext())
    monkeypatch.setattr(package_facts, "use_host_resolver", lambda tree: None)
    monkeypatch.setattr(package_facts, "run_in", refresh)
    monkeypatch.setattr(package_facts, "describe", lambda *arguments: {})
    project = replace(project, lock=make_lock(project), locked=is_locked)
    ctx = Context(project, {}, tmp_path, tmp_path / "log", lambda: MirrorUrls("http://none"), print)
    package_facts.describe_tree(ctx, project.base, tmp_path / "root", {})
    assert ages == [is_locked]


@pytest.mark.parametrize(
    ("wanted", "found", "said"),
    [
        ({"a": package("1")}, {"a": package("2")}, "a 1 is locked, found 2"),
        ({"a": package("1")}, {}, "a 1 is missing"),
        ({}, {"a": package("1")}, "a 1 is not in the lock file"),
        ({"a": package()}, {"a": package(sha256="")}, "a 1 is no longer in the archive's index"),
        (
            {"a": package()},
            {"a": package(sha256="b" * 64)},
            "a 1 is another file: aaaaaaaaaaaa is locked, found bbbbbbbbbbbb",
        ),
        ({"a": package()}, {"a": package(architecture="all")}, "a 1 is locked for amd64, found all"),
    ],
)
def test_differences(wanted: dict[str, LockedPackage], found: dict[str, LockedPackage], said: str) -> None:
    assert differences(wanted, found) == [said]
    assert differences(wanted, wanted) == []


def test_a_tree_with_other_packages_is_refused_with_all_of_them(project: Project) -> None:
    lock = make_lock(project, packages={f"p{n}": package("1") for n in range(7)})
    lines = version_differences(lock, {**{f"p{n}": "2" for n in range(6)}, "more": "1"})
    assert lines[0] == "more not at all is locked, found 1"
    assert lines[-1] == "p6 1 is locked, found none"
    with pytest.raises(StageError) as caught:
        refuse(lines)
    assert list(caught.value.lines) == lines
    text = str(caught.value)
    assert text.startswith("the mirror's packages are not the locked ones: more not at all")
    assert "; and 3 more" in text
    assert "edgelinux lock --update" in text
    assert "EDGELINUX_MIRROR" in text
    refuse([])
    assert summary(["a", "b"]) == "a; b"


def test_a_lock_file_is_read_as_it_was_written(project: Project) -> None:
    lock = make_lock(project, packages={"a": package()})
    path = lock_path(project.root, "small", "base-1")
    assert load_lock(path) is None
    write_lock(path, lock)
    assert path == project.root / "images/locks/small-base-1.lock.json"
    assert load_lock(path) == lock
    before = path.read_bytes()
    write_lock(path, lock)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:40], "run `edgelinux lock`"),
        (lambda text: text.replace('"image": "small",', ""), "image: Field required"),
        (lambda text: text.replace("a" * 64, "short"), "packages.a.sha256"),
    ],
)
def test_a_damaged_lock_file_is_one_line(project: Project, damage: object, said: str) -> None:
    path = lock_path(project.root, "small", "base-1")
    write_lock(path, make_lock(project, packages={"a": package()}))
    assert callable(damage)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(EdgeLinuxError) as caught:
        load_lock(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_lock_of_other_definitions_is_out_of_date(project: Project) -> None:
    path = lock_path(project.root, "small", "base-1")
    assert lock_problems(project, path) == [
        "there is no lock file images/locks/small-base-1.lock.json: run `edgelinux lock small --base base-1`"
    ]
    project = replace(project, lock=make_lock(project))
    assert lock_problems(project, path) == []
    write(project.root / "elements/tiny/install.d/10-tiny", "#!/bin/sh\n")
    assert lock_problems(project, path) == [
        "images/locks/small-base-1.lock.json was made for other elements or definitions: "
        "run `edgelinux lock small --base base-1`"
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, image=p.image.model_copy(update={"packages": ("more",)})),
        lambda p: replace(p, base=p.base.model_copy(update={"environment": {"A": "1"}})),
        lambda p: replace(
            p, base=p.base.model_copy(update={"zfs": p.base.zfs.model_copy(update={"files": {"/a": "b"}})})
        ),
    ],
    ids=["image", "base", "zfs"],
)
def test_what_a_lock_is_made_from(project: Project, change: object) -> None:
    assert callable(change)
    assert made_from(change(project)) != made_from(project)
    assert made_from(replace(project, epoch=1, kickstart="other", locked=True)) == made_from(project)
    packages = project.base.packages.model_copy(update={"locked": {"/etc/other": "x"}})
    assert made_from(
        replace(project, base=project.base.model_copy(update={"packages": packages}))
    ) == made_from(project)


def test_another_pypi_package_than_the_locked_one(project: Project) -> None:
    # One that is installed wherever these tests run
    version = __import__("importlib.metadata").metadata.version("click")
    spec = {"name": "click", "version": version, "package": "python3-click"}
    base = project.base.model_validate({**project.base.model_dump(), "pypi": [spec]})
    project = replace(project, base=base)
    lock = make_lock(project, pypi={"click": {"version": version, "sha256": "0" * 64}})
    problems = lock_problems(replace(project, lock=lock), lock_path(project.root, "small", "base-1"))
    assert problems == [f"click {version} from PyPI is not the locked {version} (000000000000)"]


def test_a_locked_build_has_keys_of_its_own(project: Project) -> None:
    everyday = keys(project)
    first = keys(locked(project, packages={"a": package("1")}))
    assert {"root-tree", "zfs-modules", "local-packages", "squashfs"} <= changed(everyday, first)
    other = keys(locked(project, packages={"a": package("2")}))
    assert {"root-tree", "iso"} <= changed(first, other)
    assert "zfs-modules" not in changed(first, other)
    compiler = keys(locked(project, packages={"a": package("1")}, zfs={"cc": package("15")}))
    assert "zfs-modules" in changed(first, compiler)
    assert "root-tree" not in changed(first, compiler)


def test_a_lock_that_is_not_asked_for_costs_an_everyday_build_the_iso_only(project: Project) -> None:
    beside = replace(project, lock=make_lock(project, packages={"a": package()}))
    assert changed(keys(project), keys(beside)) == {"iso"}


def test_the_epoch_counts_where_builds_are_locked(project: Project) -> None:
    project = locked(project)
    found = changed(keys(project), keys(replace(project, epoch=1)))
    assert {"root-tree", "zfs-modules", "local-packages", "initramfs", "squashfs", "iso"} <= found


def test_where_the_epoch_comes_from(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = make_lock(project, epoch=1234)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "99")
    assert source_date_epoch(project.root, lock) == 99
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert source_date_epoch(project.root, lock) == 1234
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    assert source_date_epoch(project.root) == int((project.root / "images").stat().st_mtime)


def test_the_file_shows_package_by_package_what_changed(project: Project) -> None:
    path = project.root / "lock.json"
    write_lock(path, make_lock(project, packages={"a": package()}))
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["packages"]["a"] == {
        "version": "1",
        "architecture": "amd64",
        "sha256": "a" * 64,
    }
    assert len(text.splitlines()) > 10


def run_lock_file(project: Project, folder: Path, **changes: str) -> Path:
    """Run the stage that writes the lock file over an index with one package, and another to compile with."""
    (folder / "scratch").mkdir(parents=True)
    write_index(folder, [archived("a", **changes), archived("own", maintainer=MAINTAINER, sha256="")])
    compiled: dict[str, Json] = {"packages": to_json([archived("cc", "14")])}
    upstream = {
        "root-tree": Result("root-tree", "k", folder, "k"),
        "package-index": Result("package-index", "k", folder, "k"),
        "zfs-modules": Result("zfs-modules", "k", folder, "k", facts=compiled),
    }
    ctx = Context(
        project, upstream, folder / "scratch", folder / "log", lambda: MirrorUrls("http://none"), print
    )
    LockFile().run(ctx, folder)
    return folder / "lock.json"


def test_the_lock_file_has_what_was_built(project: Project, tmp_path: Path) -> None:
    lock = load_lock(run_lock_file(project, tmp_path / "lock"))
    assert lock is not None
    assert lock.packages["a"] == archived("a").locked
    assert list(lock.packages) == ["a", "own"]
    assert list(lock.zfs_packages) == ["cc"]
    assert lock.source_date_epoch == project.epoch
    found = replace(project, lock=lock, locked=True)
    assert lock_problems(found, lock_path(project.root, "small", "base-1")) == []


def test_a_package_that_left_the_archive_cannot_be_locked(project: Project, tmp_path: Path) -> None:
    with pytest.raises(
        EdgeLinuxError, match=r"the archive's index no longer has a 1:2-3 \(edgelinux lock --upd"
    ):
        run_lock_file(project, tmp_path / "lock", sha256="")


def test_an_everyday_build_says_when_its_packages_are_not_the_locked_ones(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "root.txt").write_text("one", encoding="utf-8")
    builder = Builder(replace(project, lock=make_lock(project)), Cache(tmp_path / "cache"), FAKES, Recorder())
    facts: dict[str, Json] = {"contents": {"lock": {"differences": ["a 1 is locked, found 2"]}}}
    report_lock(builder, Result("iso", "k", tmp_path, "k", facts=facts))
    assert "not the locked packages, 1 differ: a 1 is locked, found 2" in capsys.readouterr().err
    facts = {"contents": {"lock": {"differences": []}}}
    report_lock(builder, Result("iso", "k", tmp_path, "k", facts=facts))
    assert capsys.readouterr().err == ""
