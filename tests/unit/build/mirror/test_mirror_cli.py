"""`edgelinux mirror` as a person runs it."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_build.images import load_bases
from edgelinux_build.inputs import hash_file
from edgelinux_build.lock import Lock, LockedPackage, lock_path, write_lock
from edgelinux_build.mirror.serve import make_server, variables
from edgelinux_build.mirror.wish import kernel_packages, kernel_pattern
from edgelinux_build.mirrors import NO_MIRROR
from edgelinux_build.wanted import named_by
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.cli_runner import edgelinux
from tests.unit.build.mirror.rpms import (
    REPOSITORY,
    Packages,
    as_files,
    make_root,
    make_rpm_repository,
)
from tests.unit.installer.mediumserver import MediumServer, serving_medium


@pytest.fixture
def served(packages: Packages, tmp_path: Path) -> Iterator[MediumServer]:
    files = packages.of("tool", "library", "release", "kernel-core", "kernel-devel", "zfs-dkms")
    make_rpm_repository(tmp_path / "served/core", files)
    with serving_medium(as_files(tmp_path / "served")) as running:
        yield running


@pytest.fixture
def root(packages: Packages, tmp_path: Path, served: MediumServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_root(tmp_path / "root", packages, ("core",), served.url)
    monkeypatch.setenv("EDGELINUX_ROOT", str(root))
    # What --repo sets is gone after the test.
    monkeypatch.setenv("EDGELINUX_REPO_CORE", "")
    return root


def test_mirror_verify_and_use_it(
    root: Path, tmp_path: Path, served: MediumServer, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "a mirror"
    assert edgelinux("mirror", target, "--base", "rpm-1") == 0
    said = capsys.readouterr()
    assert f"{target}: 6 packages, 0.0 MiB, for small on rpm-1" in said.out
    assert f"export EDGELINUX_REPO_CORE='{target}/core'" in said.out
    assert "without a lock file: the packages are those of today" in said.err
    assert edgelinux("mirror", target, "--verify") == 0
    assert capsys.readouterr().out == "ok  6 packages: checksums and signatures are right\n"
    # Offline, from the mirror itself.
    served.files.clear()
    assert edgelinux("mirror", tmp_path / "again", "--base", "rpm-1", "--repo", f"core={target}/core") == 0
    sums = [(folder / "SHA256SUMS").read_text() for folder in (target, tmp_path / "again")]
    assert sums[0] == sums[1]


def test_verify_names_what_is_wrong(
    root: Path, tmp_path: Path, packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "mirror"
    assert edgelinux("mirror", target, "--base", "rpm-1") == 0
    tool = target / "core/Packages/tool-2.0-1.x86_64.rpm"
    capsys.readouterr()
    # One who puts another package there, and makes all checksums anew.
    tool.write_bytes(packages.of("tool", folder=packages.unsigned)[1].read_bytes())
    old = next(
        row["sha256"]
        for row in json.loads((target / "mirror.json").read_text())["packages"]
        if row["name"] == "tool"
    )
    for file in (target / "mirror.json", target / "SHA256SUMS"):
        file.write_text(file.read_text().replace(old, hash_file(tool)))
    lines = [line for line in (target / "SHA256SUMS").read_text().splitlines() if "mirror.json" not in line]
    lines.append(f"{hash_file(target / 'mirror.json')}  mirror.json")
    (target / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    assert edgelinux("mirror", target, "--verify") == 1
    assert capsys.readouterr().out.startswith(
        "BAD  tool-2.0-1.x86_64 of core is not signed; it has to be with"
    )


def test_the_lock_file_is_kept_to(
    root: Path, tmp_path: Path, packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = {}
    for name in ("tool", "library", "kernel-core"):
        (file,) = packages.signed.glob(f"{name}-1.0-1.*.rpm")
        locked[name] = LockedPackage(version="1.0-1", architecture="x86_64", sha256=hash_file(file))
    own = {"edgelinux-zfs-modules": LockedPackage(version="1", architecture="noarch", sha256="")}
    lock = Lock(
        image="small",
        base="rpm-1",
        made_from="0" * 64,
        source_date_epoch=1,
        packages=locked | own,
        zfs_packages={},
        pypi={},
    )
    write_lock(lock_path(root, "small", "rpm-1"), lock)
    assert edgelinux("mirror", tmp_path / "mirror", "--base", "rpm-1") == 0
    assert "was made for other elements or definitions: run `edgelinux lock" in capsys.readouterr().err
    found = sorted(path.name for path in (tmp_path / "mirror").rglob("*.rpm"))
    assert "tool-1.0-1.x86_64.rpm" in found
    assert "tool-2.0-1.x86_64.rpm" not in found
    assert edgelinux("mirror", tmp_path / "mirror", "--base", "rpm-1", "--unlocked") == 0
    assert "tool-2.0-1.x86_64.rpm" in [path.name for path in (tmp_path / "mirror").rglob("*.rpm")]


def test_nothing_is_asked_before_the_directory_is_looked_at(
    root: Path, tmp_path: Path, served: MediumServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgelinux("mirror", root, "--base", "rpm-1") == 2
    assert capsys.readouterr().err.startswith(
        f"edgelinux: {root} holds something else than a mirror: elements"
    )
    assert served.asked == []


def test_an_unreachable_mirror(root: Path, tmp_path: Path, served: MediumServer) -> None:
    served.files.clear()
    assert edgelinux("mirror", tmp_path / "mirror", "--base", "rpm-1") == NO_MIRROR
    assert not (tmp_path / "mirror").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--repo", "core=http://127.0.0.1:1"], "--repo needs --base"),
        (["--base", "rpm-1", "--repo", "none=http://127.0.0.1:1"], "RPM 1 has no repository 'none'"),
        (["--verify"], "is no mirror: it has no mirror.json"),
        (["--serve"], "is no mirror: it has no mirror.json"),
        (["--verify", "--serve"], "exclude each other"),
    ],
)
def test_wrong_command_lines(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert edgelinux("mirror", tmp_path / "mirror", *arguments) == 2
    assert expected in capsys.readouterr().err


def test_serving(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "mirror"
    assert edgelinux("mirror", target, "--base", "rpm-1") == 0
    capsys.readouterr()
    got = []

    def serve_one(server: http.server.ThreadingHTTPServer, *_: object) -> None:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.server_address[1]}/core/repodata/repomd.xml"
        ) as answer:
            got.append(answer.read())
        answering.join()
        raise KeyboardInterrupt

    monkeypatch.setattr(http.server.ThreadingHTTPServer, "serve_forever", serve_one)
    assert edgelinux("mirror", target, "--serve") == 0
    assert got == [(target / "core/repodata/repomd.xml").read_bytes()]
    assert "export EDGELINUX_REPO_CORE=http://127.0.0.1:" in capsys.readouterr().out


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EdgeLinuxError, match=f"cannot serve on port {port}"):
            make_server(tmp_path, port)


def test_the_variables_of_an_apt_archive_name_both_halves(tmp_path: Path) -> None:
    base = next(base for base in load_bases(REPOSITORY) if base.mirrors.kind == "apt")
    assert variables(base, tmp_path) == {}
    assert variables(base, tmp_path, "http://127.0.0.1:1") == {
        "EDGELINUX_MIRROR": "http://127.0.0.1:1/archive",
        "EDGELINUX_SECURITY_MIRROR": "http://127.0.0.1:1/archive-security",
    }


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["dnf", "--assumeyes", "install", "a", "b"], ("a", "b")),
        (["apt-get", "install", "--yes", "--option", "Dir::Cache=/x", "-t", "suite", "a"], ("a",)),
        (["dkms", "autoinstall", "--kernelver", "6"], ()),
    ],
)
def test_what_a_command_installs(argv: list[str], expected: tuple[str, ...]) -> None:
    assert named_by(argv) == expected


def test_the_bases_say_what_zfs_is_compiled_with() -> None:
    for base in load_bases(REPOSITORY):
        (name,) = kernel_packages(base, "6.12.0-1")
        assert "6.12.0-1" in name
        path = f"{base.modules.removeprefix('/usr')}/6.12.0-1/kernel/fs/ext4.ko"
        for listed in (path, f"/usr{path}", f"-rw-r--r-- root/root 1 2025-01-01 00:00 .{path}"):
            assert kernel_pattern(base).search(listed)
        assert not kernel_pattern(base).search(f"{base.modules}/6.12.0-1/modules.dep")
