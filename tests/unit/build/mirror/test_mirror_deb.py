"""Mirrors of an apt archive: its own signed indexes, and apt takes the few packages that are there."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build.images import load_base, load_image
from edgelinux_build.inputs import hash_file
from edgelinux_build.lock import LockedPackage
from edgelinux_build.mirror import fetch
from edgelinux_build.mirror.deb import index_problems, make_deb_mirror
from edgelinux_build.mirror.place import Mirror, problems
from edgelinux_build.mirror.resolve_deb import Apt
from edgelinux_build.mirror.suite import suites_of
from edgelinux_build.mirror.wish import Wish, make_wish
from edgelinux_build.mirrors import NO_MIRROR, find_mirrors
from edgelinux_build.progress import PlainReporter
from edgelinux_build.verify import UNTRUSTED
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.mirror.debs import KERNEL, PACKAGES, Archive, make_root, wish_of
from tests.unit.build.mirror.rpms import as_files
from tests.unit.installer.mediumserver import MediumServer, serving_medium

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("apt-get", "dpkg-deb", "gpg", "gpgv")), reason="needs apt and gpg"
)

TOOL = "archive/pool/tool_1.0_amd64.deb"


@pytest.fixture(scope="module")
def made_archive() -> Iterator[Archive]:
    with tempfile.TemporaryDirectory(prefix="debs-") as folder:
        (Path(folder) / "gpg").mkdir(mode=0o700)
        archive = Archive(Path(folder) / "archives", Path(folder) / "gpg")
        yield archive
        archive.end()


@pytest.fixture
def archive(made_archive: Archive) -> Iterator[Archive]:
    """The archive, put right again after a test."""
    made_archive.changed.clear()
    yield made_archive
    for name in [*made_archive.changed]:
        made_archive.put(name, PACKAGES[name])


@pytest.fixture
def server(archive: Archive) -> Iterator[MediumServer]:
    with serving_medium(as_files(archive.folder)) as running:
        running.trouble = TOOL
        yield running


@pytest.fixture
def root(archive: Archive, tmp_path: Path) -> Path:
    return make_root(tmp_path / "root", archive.keyring)


@pytest.fixture
def make(
    root: Path, server: MediumServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Mirror]:
    monkeypatch.setattr(fetch, "_PATIENCE", 0.0)

    def make(*names: str, wish: Wish | None = None, **more: Any) -> Mirror:
        wanted = wish or wish_of(root, *(names or ("tool",)), **more)
        urls = find_mirrors(wanted.base, environ={"EDGELINUX_MIRROR": f"{server.url}/archive"})
        return make_deb_mirror(wanted, urls, tmp_path / "mirror", PlainReporter())

    return make


def failing(make: Callable[..., Mirror], *wanted: str, **more: Any) -> EdgeLinuxError:
    with pytest.raises(EdgeLinuxError) as raised:
        make(*wanted, **more)
    assert "\n" not in str(raised.value)
    return raised.value


def paths(mirror: Mirror) -> list[str]:
    return [package.path.replace("pool/", "").removesuffix("_amd64.deb") for package in mirror.packages]


def test_what_is_needed_is_mirrored_and_nothing_else(
    make: Callable[..., Mirror], root: Path, tmp_path: Path, server: MediumServer
) -> None:
    made = make("tool")
    assert paths(made) == [
        *("archive-security/deep_1.1", "archive-security/library_1.1"),
        # The first step of the build looks at the first suite only, whatever newer there is in others.
        *("archive/apt_1.0", "archive/bottom_1.0", "archive/deep_1.0", "archive/tool_1.0"),
    ]
    folder = tmp_path / "mirror"
    for package in made.packages:
        assert hash_file(folder / package.path) == package.sha256
    # Byte for byte, or the archive's signature would be of no use.
    for name in ("InRelease", "main/binary-amd64/Packages.xz", "main/i18n/Translation-en.xz"):
        path = f"archive/dists/one/{name}"
        assert (folder / path).read_bytes() == server.files[path]
    assert problems(folder) == []
    assert [*index_problems(load_base(root, "deb-1"), folder, made.packages)] == []


def test_apt_takes_the_mirror_and_what_is_in_it(
    make: Callable[..., Mirror], root: Path, tmp_path: Path, server: MediumServer
) -> None:
    made = make("tool")
    base = load_base(root, "deb-1")
    server.files.clear()
    apt = Apt(base, tmp_path / "mirror", suites_of(base), tmp_path / "apt")
    found = apt.paths(["tool"])
    assert {*found} == {"archive/pool/tool_1.0_amd64.deb", "archive-security/pool/library_1.1_amd64.deb"}
    assert {*found} <= {package.path for package in made.packages}


def test_indexes_are_there_by_their_hashes_where_the_archive_has_them(
    make: Callable[..., Mirror], archive: Archive, server: MediumServer, tmp_path: Path
) -> None:
    archive.put("archive", PACKAGES["archive"], Acquire_By_Hash="yes")
    server.files |= as_files(archive.folder)
    name = "archive/dists/one/main/{}"
    for file in ("binary-amd64/Packages.xz", "i18n/Translation-en.xz"):
        content = server.files.pop(name.format(file))
        by_hash = f"{file.partition('/')[0]}/by-hash/SHA256/{hashlib.sha256(content).hexdigest()}"
        server.files[name.format(by_hash)] = content
    make("tool")
    for path in (path for path in server.files if path.startswith("archive/dists/one/main/")):
        assert (tmp_path / "mirror" / path).read_bytes() == server.files[path]
    # debootstrap asks for the plain name.
    assert (tmp_path / "mirror" / name.format("binary-amd64/Packages.xz")).is_file()
    assert problems(tmp_path / "mirror") == []


def test_a_second_run_fetches_no_package_again(make: Callable[..., Mirror], server: MediumServer) -> None:
    make("tool")
    server.asked.clear()
    assert "archive/unneeded_1.0" in paths(make("tool", "unneeded"))
    assert [path for _, path, _ in server.asked if path.endswith(".deb")] == [
        "archive/pool/unneeded_1.0_amd64.deb"
    ]


def test_a_broken_transfer_goes_on_where_it_ended(make: Callable[..., Mirror], server: MediumServer) -> None:
    server.cuts[:] = [500]
    said = failing(make)
    assert said.exit_code == NO_MIRROR
    assert "tool-1.0.amd64 of archive" in said.message
    make()
    assert server.gets(TOOL) == ["", "bytes=500-"]


def test_a_package_that_has_vanished(make: Callable[..., Mirror], server: MediumServer) -> None:
    del server.files[TOOL]
    said = failing(make)
    assert "archive no longer has tool-1.0.amd64" in said.message
    assert said.hint == "run again: the repository has changed"


def test_a_package_that_is_another_file(make: Callable[..., Mirror], server: MediumServer) -> None:
    server.files[TOOL] = server.files[TOOL][:-1] + b"?"
    assert "tool-1.0.amd64 of archive is not the file of its index" in failing(make).message


def test_an_archive_that_somebody_else_has_signed(
    make: Callable[..., Mirror], archive: Archive, server: MediumServer, tmp_path: Path
) -> None:
    make()
    before = (tmp_path / "mirror/SHA256SUMS").read_text()
    archive.put("archive-security", PACKAGES["archive-security"], signer="other")
    server.files |= as_files(archive.folder)
    said = failing(make)
    assert f"InRelease of suite one-security is not signed with {archive.keyring}" in said.message
    assert said.exit_code == UNTRUSTED
    assert (tmp_path / "mirror/SHA256SUMS").read_text() == before


def test_an_index_that_is_not_what_was_signed(make: Callable[..., Mirror], server: MediumServer) -> None:
    path = "archive/dists/one/main/binary-amd64/Packages.xz"
    server.files[path] = server.files[path][:-8]
    said = failing(make)
    assert "main/binary-amd64/Packages.xz of one" in said.message


def test_an_index_that_has_expired(
    make: Callable[..., Mirror], archive: Archive, server: MediumServer
) -> None:
    archive.put(
        "archive",
        PACKAGES["archive"],
        Date="Mon, 01 Jan 2024 00:00:00 UTC",
        Valid_Until="Mon, 08 Jan 2024 00:00:00 UTC",
    )
    server.files |= as_files(archive.folder)
    said = failing(make)
    assert "apt does not take the indexes of Deb 1" in said.message
    assert "expired" in said.message


def test_until_when_apt_takes_the_index_is_said(
    make: Callable[..., Mirror], archive: Archive, server: MediumServer, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.put("archive", PACKAGES["archive"], Valid_Until="Sun, 08 Jan 2090 00:00:00 UTC")
    server.files |= as_files(archive.folder)
    make()
    assert "apt takes the index of one until 2090-01-08" in capsys.readouterr().err


def test_no_server_answers(make: Callable[..., Mirror], server: MediumServer) -> None:
    server.files.clear()
    said = failing(make)
    assert said.exit_code == NO_MIRROR
    assert f"no mirror of Deb 1 answers: {server.url}/archive: HTTP 404" in said.message


def test_a_name_that_the_archive_does_not_have(make: Callable[..., Mirror]) -> None:
    assert "Unable to locate package no-such-package" in failing(make, "no-such-package").message


def test_no_space(make: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "free_bytes", lambda _: 10)
    assert failing(make).exit_code == 5


def locked(server: MediumServer, path: str) -> LockedPackage:
    _, version, _ = Path(path).name.split("_")
    digest = hashlib.sha256(server.files[path]).hexdigest()
    return LockedPackage(version=version, architecture="amd64", sha256=digest)


def test_the_lock_file_decides_the_versions(make: Callable[..., Mirror], server: MediumServer) -> None:
    old = {name: locked(server, f"archive/pool/{name}_1.0_amd64.deb") for name in ("library", "unneeded")}
    made = make("tool", locked=old)
    assert "archive/library_1.0" in paths(made)
    assert "archive-security/library_1.1" not in paths(made)
    # Locked, so needed, whatever the names ask for.
    assert "archive/unneeded_1.0" in paths(made)


def test_locked_packages_that_the_index_has_no_longer(
    make: Callable[..., Mirror], server: MediumServer
) -> None:
    gone = locked(server, "archive/pool/library_1.0_amd64.deb").model_copy(update={"version": "0.9"})
    other = locked(server, TOOL).model_copy(update={"sha256": "0" * 64})
    said = failing(make, locked={"library": gone, "tool": other})
    assert (
        "no longer has what is locked: library 0.9; tool 1.0 is another file than is locked" in said.message
    )


def test_an_archive_that_is_out_of_date_serves_what_is_locked(
    make: Callable[..., Mirror],
    archive: Archive,
    server: MediumServer,
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """apt itself, as the base's definition has it in trees of locked builds."""
    archive.put("archive-security", PACKAGES["archive-security"], Valid_Until="Sun, 01 Jan 2023 00:00:00 GMT")
    server.files |= as_files(archive.folder)
    said = failing(make, "tool")
    assert "apt does not take the indexes" in said.message
    assert "is expired" in said.message
    old = {"library": locked(server, "archive/pool/library_1.0_amd64.deb")}
    assert "archive/library_1.0" in paths(make("tool", locked=old))
    noted = "apt takes the index of one-security until 2023-01-01, and in locked builds after that, too"
    assert noted in capsys.readouterr().err
    base, folder = load_base(root, "deb-1"), tmp_path / "mirror"
    assert Apt(base, folder, suites_of(base), tmp_path / "apt", old).paths(["library"])
    everyday = base.model_copy(update={"packages": base.packages.model_copy(update={"locked": {}})})
    with pytest.raises(EdgeLinuxError, match="is expired"):
        Apt(everyday, folder, suites_of(base), tmp_path / "everyday", old)


def test_what_zfs_is_compiled_with_is_mirrored(make: Callable[..., Mirror], root: Path) -> None:
    wish = make_wish(root, load_image(root, "small"), load_base(root, "deb-1"), None)
    found = paths(make(wish=wish))
    assert f"archive/linux-headers-{KERNEL}_1.0" in found
    assert "archive/zfs-dkms_1.0" in found


@pytest.mark.parametrize("what", ["package", "index", "signature"])
def test_verifying_says_what_was_changed(
    make: Callable[..., Mirror], root: Path, tmp_path: Path, what: str
) -> None:
    made, base, folder = make(), load_base(root, "deb-1"), tmp_path / "mirror"
    path = {
        "package": TOOL,
        "index": "archive/dists/one/main/binary-amd64/Packages.xz",
        "signature": "archive/dists/one/InRelease",
    }[what]
    content = (folder / path).read_bytes()
    (folder / path).write_bytes(
        content.replace(b"amd64", b"arm64") if what == "signature" else content + b"?"
    )
    assert problems(folder) == [f"{path} has changed: its SHA-256 is not the one in SHA256SUMS"]
    if what != "package":
        # Somebody who makes the checksums anew is found out by the archive's signature.
        assert [*index_problems(base, folder, made.packages)] != []
