"""Mirrors of RPM repositories: dnf resolves, a server misbehaves, rpmkeys checks; nothing is replaced."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build.images import load_base, load_image
from edgelinux_build.inputs import hash_file
from edgelinux_build.lock import LockedPackage
from edgelinux_build.mirror import fetch, rpm
from edgelinux_build.mirror.place import Mirror, problems, read_mirror
from edgelinux_build.mirror.resolve_rpm import resolve
from edgelinux_build.mirror.rpm import make_rpm_mirror, signature_problems
from edgelinux_build.mirror.wish import Wish, make_wish
from edgelinux_build.mirrors import NO_MIRROR, find_mirrors
from edgelinux_build.progress import PlainReporter
from edgelinux_build.repositories import KEYS
from edgelinux_build.verify import UNTRUSTED
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.web import Fetching

from tests.unit.build.mirror.rpms import (
    KERNEL,
    Packages,
    as_files,
    make_root,
    make_rpm_repository,
    wish_of,
)
from tests.unit.installer.mediumserver import MediumServer, serving_medium

TOOL = "core/Packages/tool-2.0-1.x86_64.rpm"


@pytest.fixture
def server(packages: Packages, tmp_path: Path) -> Iterator[MediumServer]:
    """Two repositories: `core` has all, `extra` another build of it, of no use."""
    every = ("tool", "library", "manual", "release", "kernel-core", "kernel-devel", "zfs-dkms", "foreign")
    make_rpm_repository(tmp_path / "served/core", packages.of(*every))
    make_rpm_repository(tmp_path / "served/extra", ())
    with serving_medium(as_files(tmp_path / "served")) as running:
        running.trouble = TOOL
        yield running


@pytest.fixture
def root(packages: Packages, server: MediumServer, tmp_path: Path) -> Path:
    return make_root(tmp_path / "root", packages, ("core", "extra"), server.url)


@pytest.fixture
def make(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mirror]:
    """Make the mirror of what is wanted; a server that says nothing is soon given up."""
    monkeypatch.setattr(fetch, "_PATIENCE", 0.0)

    def make(*names: str, wish: Wish | None = None, **more: Any) -> Mirror:
        wanted = wish or wish_of(root, *(names or ("tool",)), **more)
        urls = find_mirrors(wanted.base, environ={}).repositories
        return make_rpm_mirror(wanted, urls, tmp_path / "mirror", PlainReporter())

    return make


def serve(server: MediumServer, folder: Path, repository: str, files: list[Path]) -> None:
    """Have the server's repository hold these package files."""
    make_rpm_repository(folder, files)
    server.files = {
        path: text for path, text in server.files.items() if not path.startswith(f"{repository}/")
    }
    server.files |= {f"{repository}/{path}": text for path, text in as_files(folder).items()}


def names(mirror: Mirror) -> list[str]:
    return [f"{package.name}-{package.evr}" for package in mirror.packages]


def failing(make: Callable[..., Mirror], *wanted: str, **more: Any) -> EdgeLinuxError:
    with pytest.raises(EdgeLinuxError) as raised:
        make(*wanted, **more)
    assert "\n" not in str(raised.value)
    return raised.value


def test_what_is_needed_is_mirrored_and_nothing_else(
    make: Callable[..., Mirror], root: Path, tmp_path: Path, packages: Packages
) -> None:
    made = make("tool")
    # Neither what is only recommended nor an older version.
    assert names(made) == ["library-2.0-1", "tool-2.0-1"]
    folder = tmp_path / "mirror"
    tool = next(package for package in read_mirror(folder).packages if package.name == "tool")
    assert tool.path == TOOL
    assert (folder / TOOL).read_bytes() == packages.of("tool")[1].read_bytes()
    assert tool.sha256 == hash_file(folder / TOOL)
    assert (tool.size, tool.arch, tool.license) == ((folder / TOOL).stat().st_size, "x86_64", "GPL-2.0-only")
    assert (tool.sourcerpm, tool.homepage) == ("tool-2.0-1.src.rpm", "https://tool.example/")
    assert problems(folder) == []
    assert signature_problems(root, load_base(root, "rpm-1"), folder, made.packages) == []
    assert [path.name for path in tmp_path.glob(".mirror*")] == []


def test_dnf_installs_from_the_mirror_alone(
    make: Callable[..., Mirror], root: Path, tmp_path: Path, server: MediumServer
) -> None:
    make("tool")
    server.files.clear()
    base = load_base(root, "rpm-1")
    # A repository without a single needed package is there as well: builds ask for every one.
    environ = {
        f"EDGELINUX_REPO_{name.upper()}": str(tmp_path / "mirror" / name) for name in ("core", "extra")
    }
    urls = find_mirrors(base, environ=environ).repositories
    found = resolve(root, base, urls, [("tool",)], {}, tmp_path / "dnf")
    assert [one.package.name for one in found] == ["library", "tool"]
    assert all(one.url.startswith(f"file://{tmp_path}/mirror/core/Packages/") for one in found)


def test_the_same_packages_give_the_same_mirror(make: Callable[..., Mirror], tmp_path: Path) -> None:
    make("tool", "release")
    sums = (tmp_path / "mirror/SHA256SUMS").read_text()
    assert "core/repodata/repomd.xml" in sums
    shutil.rmtree(tmp_path / "mirror")
    make("tool", "release")
    assert (tmp_path / "mirror/SHA256SUMS").read_text() == sums


def test_a_second_run_fetches_no_package_again(
    make: Callable[..., Mirror], tmp_path: Path, server: MediumServer
) -> None:
    make("tool")
    server.asked.clear()
    made = make("tool", "release")
    asked = [path for _, path, _ in server.asked if path.endswith(".rpm")]
    assert asked == ["core/Packages/release-2.0-1.noarch.rpm"]
    assert "release-1:2.0-1" in names(made)
    # What is no longer wanted goes.
    make("release")
    assert not (tmp_path / "mirror" / TOOL).exists()


def test_a_broken_transfer_goes_on_where_it_ended(
    make: Callable[..., Mirror], tmp_path: Path, server: MediumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cuts[:] = [1000]
    said = failing(make)
    assert "tool-2.0-1.x86_64 of core" in said.message
    assert said.exit_code == NO_MIRROR
    assert not (tmp_path / "mirror").exists()
    make()
    assert server.gets(TOOL) == ["", "bytes=1000-"]
    assert problems(tmp_path / "mirror") == []
    # And within one run, when the server comes back in time.
    shutil.rmtree(tmp_path / "mirror")
    server.asked.clear()
    server.cuts[:] = [2000]
    monkeypatch.setattr(fetch, "_PATIENCE", 30.0)
    monkeypatch.setattr(fetch._Work, "_sleep", lambda *_: None)
    make()
    assert server.gets(TOOL) == ["", "bytes=2000-"]


def test_what_lies_there_may_be_no_beginning_of_the_file(
    make: Callable[..., Mirror], tmp_path: Path, server: MediumServer
) -> None:
    server.cuts[:] = [1000]
    failing(make)
    (part,) = tmp_path.glob(".mirror.part/core/Packages/tool-*.part")
    part.write_bytes(b"x" * 1000)
    make()
    assert server.gets(TOOL) == ["", "bytes=1000-", ""]
    assert problems(tmp_path / "mirror") == []


def test_a_package_that_has_vanished(make: Callable[..., Mirror], server: MediumServer) -> None:
    del server.files[TOOL]
    said = failing(make)
    assert "core no longer has tool-2.0-1.x86_64" in said.message
    assert said.hint == "run again: the repository has changed"
    assert said.exit_code == NO_MIRROR


def test_a_package_that_is_another_file(
    make: Callable[..., Mirror], server: MediumServer, tmp_path: Path
) -> None:
    content = server.files[TOOL]
    server.files[TOOL] = content[:-1] + bytes([content[-1] ^ 1])
    assert "tool-2.0-1.x86_64 of core is not the file of its index" in failing(make).message
    # Nothing of it is kept, so that the next run can succeed.
    server.files[TOOL] = content
    assert names(make()) == ["library-2.0-1", "tool-2.0-1"]


@pytest.mark.parametrize("how", ["unsigned", "other"])
def test_a_package_that_nobody_known_has_signed(
    make: Callable[..., Mirror],
    root: Path,
    server: MediumServer,
    packages: Packages,
    tmp_path: Path,
    how: str,
) -> None:
    make()
    before = (tmp_path / "mirror/SHA256SUMS").read_text()
    wrong = packages.of("tool", folder=getattr(packages, how))
    serve(server, tmp_path / "changed", "core", [*packages.of("library", "release"), *wrong])
    said = failing(make, "tool", "release")
    good, other = (packages.fingerprints[name] for name in ("good", "other"))
    words = "not signed" if how == "unsigned" else f"signed with another key, {other[-16:]}"
    assert said.message == f"tool-2.0-1.x86_64 of core is {words}; it has to be with {good}"
    assert said.hint == "nothing was published"
    assert said.exit_code == UNTRUSTED
    # The old mirror is as it was.
    assert (tmp_path / "mirror/SHA256SUMS").read_text() == before
    assert problems(tmp_path / "mirror") == []


def test_a_key_of_another_repository_does_not_count(
    make: Callable[..., Mirror], root: Path, server: MediumServer, packages: Packages, tmp_path: Path
) -> None:
    serve(server, tmp_path / "changed", "extra", packages.of("foreign", "release", folder=packages.other))
    base = load_base(root, "rpm-1")
    other = base.mirrors.keys["good"].model_copy(
        update={"file": "other.asc", "fingerprint": packages.fingerprints["other"]}
    )
    core, extra = base.mirrors.repositories
    both = base.mirrors.model_copy(
        update={
            "keys": {**base.mirrors.keys, "other": other},
            "repositories": (core, extra.model_copy(update={"keys": ("other",)})),
        }
    )
    serve(server, tmp_path / "without", "core", packages.of("tool", "library"))
    wish = wish_of(root, "tool", "release")
    made = make(wish=Wish(root, wish.image, wish.base.model_copy(update={"mirrors": both}), wish.sets))
    assert {package.repository for package in made.packages} == {"core", "extra"}
    serve(server, tmp_path / "crossed", "core", packages.of("tool", "library", folder=packages.other))
    said = failing(
        make, wish=Wish(root, wish.image, wish.base.model_copy(update={"mirrors": both}), wish.sets)
    )
    assert "library-2.0-1.x86_64 of core is signed with another key" in said.message


def test_a_key_that_is_not_the_pinned_one(
    make: Callable[..., Mirror], root: Path, packages: Packages
) -> None:
    shutil.copyfile(root / KEYS / "other.asc", root / KEYS / "good.asc")
    said = failing(make)
    assert f"holds {packages.fingerprints['other']}, not {packages.fingerprints['good']}" in said.message


def test_a_package_for_another_architecture(make: Callable[..., Mirror]) -> None:
    said = failing(make, "foreign")
    assert "no package for x86_64, noarch: foreign is there for i686 only" in said.message


def test_a_base_for_a_cpu_level_takes_packages_of_the_plain_architecture_too(
    make: Callable[..., Mirror], root: Path, server: MediumServer, packages: Packages, tmp_path: Path
) -> None:
    serve(server, tmp_path / "changed", "core", packages.of("level", "library", "foreign"))
    wish = wish_of(root, "level")
    mirrors = wish.base.mirrors.model_copy(update={"architecture": "x86_64_v2"})
    base = wish.base.model_copy(update={"mirrors": mirrors})
    made = make(wish=Wish(root, wish.image, base, wish.sets))
    assert [package.what for package in made.packages] == ["level-1-1.x86_64_v2", "library-2.0-1.x86_64"]
    said = failing(make, wish=Wish(root, wish.image, base, (("foreign",),)))
    assert "no package for x86_64_v2, x86_64, noarch: foreign is there for i686 only" in said.message


@pytest.mark.parametrize("signer", ["good", "other", ""])
def test_metadata_that_has_to_be_signed(
    make: Callable[..., Mirror], root: Path, server: MediumServer, packages: Packages, signer: str
) -> None:
    wish = wish_of(root, "tool")
    strict = tuple(one.model_copy(update={"signed_metadata": True}) for one in wish.base.mirrors.repositories)
    mirrors = wish.base.mirrors.model_copy(update={"repositories": strict[:1]})
    wish = Wish(root, wish.image, wish.base.model_copy(update={"mirrors": mirrors}), wish.sets)
    repomd = server.files["core/repodata/repomd.xml"]
    if signer:
        server.files["core/repodata/repomd.xml.asc"] = packages.sign(repomd, signer)
    if signer == "good":
        assert names(make(wish=wish)) == ["library-2.0-1", "tool-2.0-1"]
        return
    said = failing(make, wish=wish)
    assert said.message.startswith(
        f"repository core: {server.url}/core: its metadata are not signed by a key"
    )
    assert said.exit_code == UNTRUSTED


def test_a_package_that_is_not_what_the_index_calls_it(
    make: Callable[..., Mirror], server: MediumServer, packages: Packages, tmp_path: Path
) -> None:
    folder = make_rpm_repository(tmp_path / "liar", packages.of("foreign"))
    # As an index says it that was made by hand: i686 passes for x86_64.
    lie(folder)
    server.files |= {f"extra/{path}": text for path, text in as_files(folder).items()}
    said = failing(make, "foreign")
    assert said.message == "foreign-1-1.x86_64 of extra is foreign-1-1.i686 by its own words"


def lie(folder: Path) -> None:
    """Have the metadata call i686 packages x86_64."""
    shutil.rmtree(folder / "repodata")
    subprocess.run(["createrepo_c", "--quiet", "--no-database", folder], check=True, capture_output=True)
    (primary,) = folder.glob("repodata/*-primary.xml.*")
    text = subprocess.run(["zcat", primary], check=True, capture_output=True, text=True).stdout
    changed = folder / "primary.xml"
    changed.write_text(text.replace("<arch>i686</arch>", "<arch>x86_64</arch>"), encoding="utf-8")
    argv: list[str | Path] = ["modifyrepo_c", "--mdtype=primary", changed, folder / "repodata"]
    subprocess.run(argv, check=True, capture_output=True)
    changed.unlink()


def test_a_name_that_nobody_has(make: Callable[..., Mirror]) -> None:
    said = failing(make, "no-such-package")
    assert "the repositories of RPM 1 have no package for x86_64, noarch: no-such-package" in said.message


def test_a_package_whose_needs_nobody_has(
    make: Callable[..., Mirror], server: MediumServer, packages: Packages, tmp_path: Path
) -> None:
    serve(server, tmp_path / "changed", "core", packages.of("tool"))
    said = failing(make, "tool")
    assert "do not fit together" in said.message
    assert "nothing provides library needed by tool-2.0-1.x86_64" in said.message


def test_damaged_metadata(make: Callable[..., Mirror], server: MediumServer) -> None:
    primary = next(path for path in server.files if "-primary.xml" in path and path.startswith("core/"))
    server.files[primary] = server.files[primary][:-20]
    said = failing(make)
    assert f"repository core: {server.url}/core: its metadata are damaged or incomplete" in said.message


def test_no_server_answers(make: Callable[..., Mirror], server: MediumServer) -> None:
    server.files.clear()
    said = failing(make)
    assert said.exit_code == NO_MIRROR
    assert f"no mirror of RPM 1 answers: {server.url}/core: HTTP 404" in said.message


def test_no_space(make: Callable[..., Mirror], server: MediumServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "free_bytes", lambda _: 1000)
    said = failing(make)
    assert said.exit_code == 5
    assert "the mirror needs 0.0 MiB" in said.message
    assert [path for _, path, _ in server.asked if path.endswith(".rpm")] == []


def test_a_file_system_that_is_full_while_fetching(
    make: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Fetching, "fetch", full)
    said = failing(make)
    assert said.exit_code == 5
    assert "no space left on the file system of" in said.message


def test_an_interrupted_run_leaves_the_old_mirror(
    make: Callable[..., Mirror], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: MediumServer
) -> None:
    make()
    before = (tmp_path / "mirror/SHA256SUMS").read_text()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rpm, "_index", interrupt)
        with pytest.raises(KeyboardInterrupt):
            make("tool", "release")
    assert (tmp_path / "mirror/SHA256SUMS").read_text() == before
    assert problems(tmp_path / "mirror") == []
    server.asked.clear()
    make("tool", "release")
    assert [path for _, path, _ in server.asked if path.endswith(".rpm")] == []


def locked(
    packages: Packages, name: str, version: str, arch: str = "x86_64", sha256: str = ""
) -> LockedPackage:
    (file,) = packages.signed.glob(f"{name}-{version}-1.{arch}.rpm")
    return LockedPackage(version=f"{version}-1", architecture=arch, sha256=sha256 or hash_file(file))


def test_the_lock_file_decides_the_versions(make: Callable[..., Mirror], packages: Packages) -> None:
    old = {name: locked(packages, name, "1.0") for name in ("tool", "library")}
    # What is asked for and not locked comes as it is today, as do things needed while building only.
    made = make("tool", "manual", locked=old)
    assert names(made) == ["library-1.0-1", "manual-2.0-1", "tool-1.0-1"]
    assert made.locked


def test_locked_packages_that_are_gone(make: Callable[..., Mirror], packages: Packages) -> None:
    gone = locked(packages, "tool", "1.0").model_copy(update={"version": "0.9-1"})
    said = failing(make, locked={"tool": gone})
    assert "no longer have what is locked: tool-0.9-1.x86_64" in said.message


def test_locked_packages_that_are_other_files(make: Callable[..., Mirror], packages: Packages) -> None:
    said = failing(make, locked={"tool": locked(packages, "tool", "1.0", sha256="0" * 64)})
    assert "the repositories have other files than are locked: tool-1.0-1.x86_64 is" in said.message
    assert "locked is 000000000000" in said.message


def test_what_zfs_is_compiled_with_is_mirrored(make: Callable[..., Mirror], root: Path) -> None:
    wish = make_wish(root, load_image(root, "small"), load_base(root, "rpm-1"), None)
    made = make(wish=wish)
    assert names(made) == [
        *("kernel-core-2.0-1", "kernel-devel-2.0-1", "library-2.0-1"),
        *("release-1:2.0-1", "tool-2.0-1", "zfs-dkms-2.0-1"),
    ]
    assert KERNEL not in str(wish.sets)


def test_an_image_without_a_kernel_cannot_compile_zfs(make: Callable[..., Mirror], root: Path) -> None:
    image = load_image(root, "small").model_copy(update={"packages": ("tool",)})
    said = failing(make, wish=make_wish(root, image, load_base(root, "rpm-1"), None))
    assert said.message == "the image must have one kernel, the packages have none"
