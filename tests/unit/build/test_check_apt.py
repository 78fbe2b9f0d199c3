"""`edgelinux check` on a base with apt archives: what apt answers, and what can be wrong with them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from edgelinux_build.apt_repository import newest, read_packages
from edgelinux_build.check_cli import MISSING
from edgelinux_build.images import load_base
from edgelinux_build.lock import Lock, LockedPackage, lock_path, write_lock

from tests.unit.build.cli_runner import edgelinux
from tests.unit.build.fakes import BASE
from tests.unit.build.gpg_keys import gpg, new_keys

needs_apt = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("gpg")), reason="needs apt-get and gpg"
)
MIRRORS = """\
mirrors:
  kind: apt
  keyring: KEYRING
  probe: dists/one/InRelease
  archive_env: ARCHIVE
  security_probe: dists/one-security/InRelease
  security_env: SECURITY
"""
SOURCES = '''"deb {archive} one main\\ndeb {security} one-security main\\n"'''
NEEDED = (
    "tool 1.9",
    "linux-image-1 1",
    "zfs-utils 2.3.9-1",
    "other 1 library-2, library (= 1)",
    "python3 3.13",
)


@pytest.fixture(scope="module")
def keyring() -> Iterator[Path]:
    """Two keys."""
    with new_keys("right", "wrong") as home:
        yield home


def write_archive(
    folder: Path, suite: str, packages: Sequence[str], keys: Path, key: str, **fields: str
) -> None:
    """Write a signed archive; a package is `name version [what it provides]`."""
    arch = fields.get("Architectures", "amd64")
    name = f"main/binary-{arch}/Packages"
    index = folder / "dists" / suite / name
    index.parent.mkdir(parents=True, exist_ok=True)
    rows = (package.split(" ", 2) for package in packages)
    text = "\n".join(
        f"Package: {row[0]}\nVersion: {row[1]}\nArchitecture: amd64\n"
        f"Filename: pool/{row[0]}.deb\nSize: 1\nSHA256: {'0' * 64}\n"
        + (f"Provides: {row[2]}\n" if len(row) > 2 else "")
        for row in rows
    )
    index.write_text(text)
    now = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(time.time() - 60))
    head = {"Origin": "x", "Suite": suite, "Codename": suite, "Date": now, "Architectures": "amd64", **fields}
    digest = hashlib.sha256(text.encode()).hexdigest()
    sums = f"SHA256:\n {digest} {len(text.encode())} {name}\n"
    release = folder / "dists" / suite / "InRelease"
    plain = "".join(f"{name}: {value}\n" for name, value in {**head, "Components": "main"}.items()) + sums
    (folder / "plain").write_text(plain)
    gpg(keys, "--clearsign", "--local-user", f"{key}@example.org", "--output", release, folder / "plain")


@pytest.fixture
def repository(repository: Path, keyring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository whose base has an archive and its -security twin, in directories beside it."""
    (tmp_path / "keyring.gpg").write_bytes(gpg(keyring, "--export", "right@example.org"))
    start, end = BASE.index("mirrors:"), BASE.index("modules:")
    text = BASE[:start] + MIRRORS.replace("KEYRING", str(tmp_path / "keyring.gpg")) + BASE[end:]
    text = text.replace('"{archive} one\\n"', SOURCES)
    watched = "watched:\n  kernel: [linux-image-*]\n  zfs: [zfs*]\n"
    (repository / "images/bases/base-1.yaml").write_text(text + watched)
    (repository / "elements/tiny/package-installs.yaml").write_text("tool:\nlibrary:\nlinux-image-1:\n")
    (repository / "elements/tiny/element-provides").write_text("operating-system\n")
    monkeypatch.setenv("EDGELINUX_MIRROR", f"file://{tmp_path}/archive")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGELINUX_ROOT", str(repository))
    for name in ("archive", "archive-security"):
        (tmp_path / name).mkdir()
    write_archive(tmp_path / "archive", "one", NEEDED, keyring, "right")
    write_archive(tmp_path / "archive-security", "one-security", ["tool 1.10"], keyring, "right")
    return repository


def error(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


@needs_apt
def test_all_is_there_by_name_or_because_something_provides_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgelinux("check") == 0
    said = capsys.readouterr().out
    assert said == "Base 1: all 3 names are there, in 6 packages of 2 repositories (one, one-security)\n"


@needs_apt
def test_a_package_that_vanished_is_missed_the_next_time(
    repository: Path, keyring: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert edgelinux("check") == 0
    packages = ["linux-image-2 1", "tool 1.9", "other 1 library"]
    write_archive(tmp_path / "archive", "one", packages, keyring, "right")
    assert edgelinux("check") == MISSING
    said = capsys.readouterr().out
    assert "missing: linux-image-1 (wanted by element tiny); nearest: linux-image-2\n" in said


@needs_apt
def test_a_mirror_that_does_not_answer(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGELINUX_MIRROR", "http://127.0.0.1:9/archive")
    assert edgelinux("check") == 4
    assert "http://127.0.0.1:9/archive" in error(capsys)


@needs_apt
def test_an_index_that_is_out_of_date(
    repository: Path, keyring: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fields = {"Valid-Until": "Thu, 01 Jan 2015 00:00:00 UTC"}
    write_archive(tmp_path / "archive", "one", NEEDED, keyring, "right", **fields)
    assert edgelinux("check") == 1
    assert f"the index of file://{tmp_path}/archive is out of date" in error(capsys)


@needs_apt
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_an_index_that_is_not_what_it_should_be(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    index = tmp_path / "archive/dists/one/main/binary-amd64/Packages"
    if damage == "cut":
        index.write_bytes(index.read_bytes()[:-30])
    else:
        index.unlink()
    assert edgelinux("check") == 1
    assert f"the index of file://{tmp_path}/archive is damaged or incomplete" in error(capsys)


@needs_apt
@pytest.mark.parametrize("suite", ["one", "one-security"])
def test_an_archive_that_is_signed_by_another_key(
    repository: Path, keyring: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, suite: str
) -> None:
    folder = tmp_path / ("archive" if suite == "one" else "archive-security")
    write_archive(folder, suite, NEEDED, keyring, "wrong")
    assert edgelinux("check") == 6
    assert f"file://{folder} is not signed by a key of the base" in error(capsys)


@needs_apt
def test_an_archive_of_another_architecture(
    repository: Path, keyring: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_archive(tmp_path / "archive", "one", NEEDED, keyring, "right", Architectures="arm64")
    assert edgelinux("check") == 1
    assert f"file://{tmp_path}/archive has no packages for amd64" in error(capsys)


@needs_apt
def test_a_host_without_the_keys(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "keyring.gpg").unlink()
    assert edgelinux("check") == 1
    assert f"there is no keyring {tmp_path}/keyring.gpg" in error(capsys)


@needs_apt
def test_a_cache_that_cannot_be_written_to(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert edgelinux("check") == 1
    assert f"cannot write to {tmp_path}/file/edgelinux/check/base-1: Not a directory" in error(capsys)


@needs_apt
def test_updates_since_the_lock_file(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def locked(version: str, sha256: str = "0" * 64) -> LockedPackage:
        return LockedPackage(version=version, architecture="amd64", sha256=sha256)

    base = load_base(repository, "base-1")
    lock = Lock(
        image="small",
        base=base.name,
        made_from="0" * 64,
        source_date_epoch=1,
        packages={
            "tool": locked("1.9"),
            "linux-image-1": locked("1"),
            "zfs-utils": locked("2.3.9~rc1-1"),
            "linux-image-0": locked("1"),
            "made-here": locked("1", ""),
        },
        zfs_packages={"python3": locked("3.13")},
        pypi={},
    )
    write_lock(lock_path(repository, "small", "base-1"), lock)
    assert edgelinux("check", "--updates", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["against"] == "images/locks/small-base-1.lock.json"
    rows = [[row[key] for key in ("name", "old", "new", "watched", "security")] for row in found["updates"]]
    assert rows == [
        ["linux-image-0", "1", "", "kernel", False],
        ["zfs-utils", "2.3.9~rc1-1", "2.3.9-1", "zfs", False],
        ["tool", "1.9", "1.10", "", True],
    ]
    assert edgelinux("check", "--updates") == 0
    assert capsys.readouterr().out.endswith(
        "3 of 5 packages of images/locks/small-base-1.lock.json differ, 1 of them for security\n"
    )


def test_a_mended_version_may_be_followed_by_a_newer_one() -> None:
    found = newest("1.2", [("1.10", "one"), ("1.3", "one-security")], {"one-security"})
    assert (found.version, found.order, found.repository, found.security) == ("1.10", 1, "one", True)
    found = newest("1.4", [("1.10", "one"), ("1.3", "one-security")], {"one-security"})
    assert not found.security
    assert newest("2", [("1.10", "one")], set()).order == -1


def test_packages_of_an_index() -> None:
    first = "Package: a\nVersion: 1\nDescription: x\n Package: no\nProvides: b (= 1), c\n"
    text = f"{first}\n\nPackage: d\nVersion: 2\n"
    found = [
        (package.name, package.version, package.provides) for package in read_packages(text.splitlines(True))
    ]
    assert found == [("a", "1", ("b", "c")), ("d", "2", ())]


@needs_apt
@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_cache_of_another_user(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert edgelinux("check") == 0
    (tmp_path / "cache/edgelinux/check/base-1/state/lists").chmod(0o500)
    assert edgelinux("check") == 1
    assert "cannot write to" in error(capsys)
