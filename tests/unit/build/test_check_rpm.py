"""`edgelinux check` on a base with RPM repositories: what dnf answers, and what can be wrong with them."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from edgelinux_build import check_cli, rpm_repositories
from edgelinux_build.check_cli import MISSING
from edgelinux_build.mirrors import MirrorUrls

from tests.unit.build.cli_runner import edgelinux
from tests.unit.build.fakes import BASE
from tests.unit.build.gpg_keys import fingerprint, gpg, new_keys
from tests.unit.build.stub_repository import Advisory, Stub, write_repository

pytestmark = [
    pytest.mark.skipif(not shutil.which("dnf"), reason="needs dnf"),
    pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg"),
]

MIRRORS = """\
mirrors:
  kind: repositories
  probe: repodata/repomd.xml
  archive_env: ARCHIVE
  repositories:
    - {id: one, url: "http://one.example/os", keys: [key]}
    - {id: two-extra, url: "http://two.example/os", keys: [key]}
  keys:
    key: {file: key.asc, fingerprint: FINGERPRINT, source: the tests}
"""
INSTALLS = "tool:\nlibrary-devel:\nkernel:\nzfs:\n"
NEEDED = (Stub("tool"), Stub("kernel"), Stub("zfs", arch="noarch"), Stub("python3"))
"""All that is needed but library-devel."""


@pytest.fixture(scope="module")
def keyring() -> Iterator[Path]:
    """Two keys."""
    with new_keys("right", "wrong") as home:
        yield home


@pytest.fixture
def repository(repository: Path, keyring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository whose base has two RPM repositories, in directories beside it."""
    (repository / "images/keys").mkdir()
    (repository / "images/keys/key.asc").write_bytes(gpg(keyring, "--armor", "--export", "right@example.org"))
    start, end = BASE.index("mirrors:"), BASE.index("modules:")
    text = BASE[:start] + MIRRORS.replace("FINGERPRINT", fingerprint(keyring, "right")) + BASE[end:]
    watched = "watched:\n  kernel: [kernel]\n  zfs: [zfs*]\n"
    (repository / "images/bases/base-1.yaml").write_text(text + watched)
    (repository / "elements/tiny/package-installs.yaml").write_text(INSTALLS)
    (repository / "elements/tiny/element-provides").write_text("operating-system\n")
    for variable, name in (("ONE", "one"), ("TWO_EXTRA", "two")):
        monkeypatch.setenv(f"EDGELINUX_REPO_{variable}", str(tmp_path / name))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGELINUX_ROOT", str(repository))
    write_repository(tmp_path / "one", NEEDED)
    write_repository(
        tmp_path / "two", [Stub("library"), Stub("library-doc", provides=("library-devel = 2",))]
    )
    return repository


def error(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


def test_all_is_there_by_name_or_because_something_provides_it(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert edgelinux("check") == 0
    said = capsys.readouterr().out
    assert said == "Base 1: all 4 names are there, in 6 packages of 2 repositories (one, two-extra)\n"
    assert list(home.iterdir()) == []


def test_what_is_missing_is_named_with_who_wants_it_and_what_is_near(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (repository / "images/small.yaml").write_text(
        (repository / "images/small.yaml").read_text().replace("\npackages: []", "\npackages: [libary, tool]")
    )
    write_repository(tmp_path / "two", [Stub("library")])
    assert edgelinux("check") == MISSING == 7
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "missing: libary (wanted by images/small.yaml); nearest: library",
        "missing: library-devel (wanted by element tiny); nearest: library",
        "Base 1: 2 of 5 names are missing, in 5 packages of 2 repositories (one, two-extra)",
    ]
    assert edgelinux("check", "--format", "json") == MISSING
    found = json.loads(capsys.readouterr().out)
    assert found["missing"][0] == {"name": "libary", "by": ["images/small.yaml"], "nearest": ["library"]}
    assert (found["names"], found["packages"], found["repositories"]) == (5, 5, ["one", "two-extra"])


def test_a_package_that_vanished_is_missed_the_next_time(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert edgelinux("check") == 0
    write_repository(tmp_path / "one", NEEDED[1:])
    assert edgelinux("check") == MISSING
    assert "missing: tool (wanted by element tiny)" in capsys.readouterr().out


def test_a_repository_is_named_on_the_command_line(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGELINUX_REPO_TWO_EXTRA")
    assert edgelinux("check", "--base", "base-1", "--repo", "two-extra=two") == 0
    assert os.environ.pop("EDGELINUX_REPO_TWO_EXTRA") == str(tmp_path / "two")
    capsys.readouterr()
    for argument, code, said in (
        ("three=two", 2, "Base 1 has no repository 'three' (known: one, two-extra)"),
        ("one=nowhere", 2, "one: there is no directory nowhere"),
        ("one", 2, "'one' is not ID=URL or ID=DIRECTORY"),
    ):
        assert edgelinux("check", "--base", "base-1", "--repo", argument) == code
        assert said in capsys.readouterr().err


def test_a_mirror_that_does_not_answer(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGELINUX_REPO_ONE", "http://127.0.0.1:9/os")
    assert edgelinux("check") == 4
    said = error(capsys)
    assert "http://127.0.0.1:9/os" in said
    assert "EDGELINUX_REPO_ONE" in said


def test_a_mirror_that_stops_answering_half_way(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {"one": "http://127.0.0.1:9/os", "two-extra": f"file://{tmp_path}/two"}
    monkeypatch.setattr(check_cli, "find_mirrors", lambda _base: MirrorUrls(urls["one"], repositories=urls))
    assert edgelinux("check") == 4
    assert "repository one: http://127.0.0.1:9/os does not answer: " in error(capsys)


@pytest.mark.parametrize("damage", ["cut", "gone", "other", "not xml"])
def test_metadata_that_are_not_what_they_should_be(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    primary = tmp_path / "one" / "repodata" / "primary.xml.gz"
    whole = primary.read_bytes()
    if damage == "gone":
        primary.unlink()
    elif damage == "not xml":
        (tmp_path / "one/repodata/repomd.xml").write_text("<html>sign in to the network</html>")
    else:
        primary.write_bytes(whole[:-20] if damage == "cut" else gzip.compress(b"<metadata/>"))
    assert edgelinux("check") == 1
    said = error(capsys)
    assert f"repository one: file://{tmp_path}/one: its metadata are damaged or incomplete" in said


def test_metadata_that_were_right_once_do_not_hide_that_they_are_damaged(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert edgelinux("check") == 0
    write_repository(tmp_path / "one", NEEDED[1:])
    (tmp_path / "one/repodata/primary.xml.gz").write_bytes(b"")
    assert edgelinux("check") == 1
    assert "repository one" in capsys.readouterr().err


def test_another_key_in_the_repository_stops_before_anything_is_asked(
    repository: Path,
    keyring: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (repository / "images/keys/key.asc").write_bytes(gpg(keyring, "--armor", "--export", "wrong@example.org"))
    monkeypatch.setattr(rpm_repositories, "_dnf_python", lambda: pytest.fail("dnf was asked"))
    assert edgelinux("check") == 1
    assert "key key: images/keys/key.asc holds" in error(capsys)


@pytest.mark.parametrize("signer", ["right", "wrong", "nobody", "right, then changed"])
def test_signed_metadata(
    repository: Path, keyring: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, signer: str
) -> None:
    base = repository / "images/bases/base-1.yaml"
    base.write_text(base.read_text().replace('os", keys: [key]}', 'os", keys: [key], signed_metadata: true}'))
    for name in ("one", "two"):
        key = "right" if name == "two" else signer.split(",")[0]
        repomd = tmp_path / name / "repodata" / "repomd.xml"
        if key != "nobody":
            gpg(keyring, "--armor", "--detach-sign", "--local-user", f"{key}@example.org", repomd)
        if name == "one" and "changed" in signer:
            repomd.write_text(repomd.read_text() + "\n")
    expected = 0 if signer == "right" else 6
    assert edgelinux("check") == expected
    # Nothing of GnuPG's runs on; an agent that was told to end takes its time.
    found = [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(process.info)]
    assert psutil.wait_procs(found, timeout=20)[1] == []
    if signer == "right":
        return
    assert f"repository one: file://{tmp_path}/one: its metadata are not signed by a key" in error(capsys)


def test_a_repository_of_another_architecture(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    others = [Stub(stub.name, arch="aarch64") for stub in NEEDED]
    write_repository(tmp_path / "one", [*others, Stub("documents", arch="noarch")])
    assert edgelinux("check") == 1
    said = error(capsys)
    assert f"repository one: file://{tmp_path}/one has packages for aarch64, not for x86_64" in said


def test_packages_of_another_architecture_beside_the_right_ones_are_not_taken_for_them(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_repository(tmp_path / "one", [Stub("tool", arch="aarch64"), *NEEDED[1:]])
    assert edgelinux("check") == MISSING
    assert "missing: tool" in capsys.readouterr().out


def test_the_base_says_what_its_packages_are_built_for(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    base = repository / "images/bases/base-1.yaml"
    base.write_text(
        base.read_text().replace("repodata/repomd.xml\n", "repodata/repomd.xml\n  architecture: x86_64_v2\n")
    )
    write_repository(tmp_path / "one", [Stub("tool", arch="x86_64_v2"), *NEEDED[1:]])
    assert edgelinux("check") == 0


def test_a_cache_that_cannot_be_written_to(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert edgelinux("check") == 1
    said = error(capsys)
    assert f"cannot write to {tmp_path}/file/edgelinux/check/base-1: Not a directory" in said
    assert "XDG_CACHE_HOME" in said


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root for a small tmpfs")
def test_no_space_for_the_metadata(repository: Path, tmp_path: Path) -> None:
    many = [Stub(f"package-{number:05}", provides=(f"other-{number:05}",)) for number in range(6000)]
    write_repository(tmp_path / "two", [Stub("library-devel"), *many])
    cache = tmp_path / "small"
    cache.mkdir()
    script = f"mount -t tmpfs -o size=256k none {cache} && exec python -m edgelinux_build.cli check"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    python = Path(os.sys.executable).parent  # type: ignore[attr-defined]
    environment["PATH"] = f"{python}:{environment['PATH']}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert done.stderr.startswith("edgelinux: no space left on the file system of")
    assert done.stderr.count("\n") == 1


def test_a_host_without_dnf(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert edgelinux("check") == 1
    assert "cannot run dnf: no such program" in error(capsys)


def manifest(folder: Path, **versions: str) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"base": "base-1", "packages": {**versions, "small-agent": "1"}}))
    return path


def test_updates_show_kernel_and_zfs_first_then_security(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fixed = Stub("tool", version="1.9")
    stubs = [
        Stub("tool", version="1.10"),
        Stub("kernel", epoch="1"),
        Stub("zfs", version="2.3.9"),
        Stub("same"),
    ]
    errata = [
        Advisory("RHSA-1", fixed),
        Advisory("RHSA-0", Stub("tool", version="1.1")),
        Advisory("RHBA-2", fixed, kind="bugfix"),
    ]
    write_repository(tmp_path / "one", [*stubs, Stub("older", version="2")], errata)
    write_repository(
        tmp_path / "two", [Stub("library-devel", version="3"), Stub("tool", version="1.10", arch="i686")]
    )
    before = {
        "tool": "1.2-1",
        "kernel": "6-1",
        "zfs": "2.3.10-1",
        "same": "1-1",
        "older": "3-1",
        "lost": "1-1",
    }
    path = manifest(tmp_path, **before, **{"library-devel": "2-1"})
    assert edgelinux("check", "--updates", "--against", path) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "PACKAGE WAS IS",
        "kernel 6-1 1:1-1 kernel",
        "zfs 2.3.10-1 2.3.9-1 ZFS, older",
        "tool 1.2-1 1.10-1 security RHSA-1",
        "library-devel 2-1 3-1",
        "lost 1-1 gone",
        "older 3-1 2-1 older",
        "Base 1: all 4 names are there, in 6 packages of 2 repositories (one, two-extra)",
        f"6 of 7 packages of {path} differ, 1 of them for security",
    ]
    assert edgelinux("check", "--updates", "--against", path, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["against"] == str(path)
    assert found["updates"][2] == {
        "name": "tool",
        "old": "1.2-1",
        "new": "1.10-1",
        "order": 1,
        "watched": "",
        "security": True,
        "errata": ["RHSA-1"],
        "repository": "one",
    }


def test_updates_against_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert edgelinux("check", "--updates") == 2
    assert "there is no images/locks/small-base-1.lock.json (run `edgelinux lock`" in error(capsys)
    (tmp_path / "manifest.json").write_text("[]")
    assert edgelinux("check", "--updates", "--against", tmp_path / "manifest.json") == 2
    assert "is neither a manifest.json nor a lock file" in error(capsys)
    (tmp_path / "manifest.json").write_text('{"base": "other", "packages": {}}')
    assert edgelinux("check", "--updates", "--against", tmp_path / "manifest.json") == 2
    assert "is of base other, not base-1" in error(capsys)
    assert edgelinux("check", "--against", tmp_path / "manifest.json") == 2
    assert "--against needs --updates" in error(capsys)
