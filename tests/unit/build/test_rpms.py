"""RPMs as rpmbuild makes them and rpm reads them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.images import Base, PyPiPackage, load_base
from edgelinux_build.packaging import Package, load_package, pypi_package
from edgelinux_build.process import StageError
from edgelinux_build.rpms import build_rpm, rpmbuild_argv
from edgelinux_build.stage import Context, Project
from edgelinux_build.stages.local_packages import LocalPackages

from tests.unit.build.fakes import make_room
from tests.unit.build.rpms import EPOCH, ask, of_rpms, requirements, rows, rpm


@pytest.fixture
def base(repository: Path) -> Base:
    names = {"disk-tool": ("disk-a", "disk-b"), "web-tool": ()}
    return of_rpms(load_base(repository, "base-1"), names)


@pytest.fixture
def package(repository: Path, base: Base) -> Package:
    (repository / "LICENSE").write_text("The text of the licence.\n", encoding="utf-8")
    return load_package(make_room(repository) / "packaging/package.yaml", base, "1.2.3")


def test_a_package_holds_what_it_says(package: Package, tmp_path: Path) -> None:
    path = rpm(package, tmp_path / "one")
    assert path.name == "small-agent-1.2.3-1.noarch.rpm"
    asked = rows(path, "%{FILENAMES}|%{FILEMODES:perms}|%{FILEUSERNAME}:%{FILEGROUPNAME}|%{FILEFLAGS:fflags}")
    found = {name: (mode, owner, flags) for name, mode, owner, flags in asked}
    assert found == {
        "/etc/agent.conf": ("-rw-r-----", "root:root", "cn"),
        "/usr/bin/agent": ("-rwxr-xr-x", "root:root", ""),
        "/usr/lib/python3.12/site-packages/small": ("drwxr-xr-x", "root:root", ""),
        "/usr/lib/python3.12/site-packages/small/__init__.py": ("-rw-r--r--", "root:root", ""),
        "/usr/lib/python3.12/site-packages/small/cli.py": ("-rw-r--r--", "root:root", ""),
        "/usr/lib/systemd/system/small.service": ("-rw-r--r--", "root:root", ""),
        "/usr/share/agent": ("drwxr-xr-x", "root:root", ""),
        "/usr/share/agent/deep": ("drwxr-xr-x", "root:root", ""),
        "/usr/share/agent/deep/run": ("-rwxr-xr-x", "root:root", ""),
        "/usr/share/agent/plain": ("-rw-r--r--", "root:root", ""),
        "/usr/share/licenses/small-agent": ("drwxr-xr-x", "root:root", ""),
        "/usr/share/licenses/small-agent/LICENSE": ("-rw-r--r--", "root:root", "l"),
    }


@pytest.mark.parametrize("epoch", [EPOCH, 4_000_000_000])
def test_files_have_the_time_they_are_given_whatever_the_clock_says(
    package: Package, tmp_path: Path, epoch: int
) -> None:
    path = rpm(package, tmp_path / "one", epoch)
    assert {time for (time,) in rows(path, "%{FILEMTIMES}")} == {str(epoch)}
    assert ask(path, "--queryformat=%{BUILDTIME}") == str(epoch)


def test_a_package_needs_what_its_base_calls_it_and_nothing_else(package: Package, tmp_path: Path) -> None:
    path = rpm(package, tmp_path / "one")
    assert requirements(path) == {"python(abi) = 3.12", "disk-a", "disk-b"}
    assert rows(path, "%{PROVIDENAME}|%{PROVIDEFLAGS:depflags}|%{PROVIDEVERSION}") == [
        ["small-agent", "=", "1.2.3-1"]
    ]
    assert {name for (name,) in rows(path, "%{ORDERNAME}")} == {"systemd"}


def test_a_package_says_who_made_it_and_since_when_it_is(package: Package, tmp_path: Path) -> None:
    path = rpm(package, tmp_path / "one")
    assert ask(path, "--queryformat=%{LICENSE}|%{PACKAGER}|%{BUILDHOST}|%{BUILDTIME}|%{ARCH}") == (
        f"GPL-2.0-or-later|edgeLinux <packages@edgelinux.invalid>|edgelinux.invalid|{EPOCH}|noarch"
    )
    assert ask(path, "--queryformat=%{SUMMARY}|%{DESCRIPTION}").splitlines()[-1] == "Second paragraph."
    assert ask(path, "--changelog").splitlines()[:2] == [
        "* Tue Nov 14 2023 edgeLinux <packages@edgelinux.invalid> - 1.2.3-1",
        "- See CHANGELOG.md of the sources.",
    ]


def test_a_package_tells_systemd_of_its_units(package: Package, tmp_path: Path) -> None:
    path = rpm(package, tmp_path / "one")
    helper = "/usr/lib/systemd/systemd-update-helper"
    for tag, verb in {"POSTIN": "install", "PREUN": "remove", "POSTUN": "mark-restart"}.items():
        assert f"{helper} {verb}-system-units small.service" in ask(path, f"--queryformat=%{{{tag}}}")


def test_what_reads_it_needs_no_newer_rpm_than_4_14(package: Package, tmp_path: Path) -> None:
    """It knew zstd first; later features would keep an older rpm from reading the package."""
    path = rpm(package, tmp_path / "one")
    assert ask(path, "--queryformat=%{PAYLOADCOMPRESSOR}|%{FILEDIGESTALGO}") == "zstd|8"
    needs = {name for name, kind in rows(path, "%{REQUIRENAME}|%{REQUIREFLAGS:deptype}") if kind == "rpmlib"}
    assert needs <= {
        *("rpmlib(CompressedFileNames)", "rpmlib(FileDigests)"),
        *("rpmlib(PayloadFilesHavePrefix)", "rpmlib(PayloadIsZstd)"),
    }


def test_the_same_sources_give_the_same_bytes(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rpm(package, tmp_path / "one")
    # Another user, whose own rpm packs otherwise, at another time of the day.
    home = tmp_path / "home"
    home.mkdir()
    (home / ".rpmmacros").write_text("%_binary_payload w1.gzdio\n%_buildhost other\n%vendor Other\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    old = os.umask(0o077)
    try:
        second = rpm(package, tmp_path / "another-folder")
    finally:
        os.umask(old)
    assert first.name == second.name
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)}
    assert len(digests) == 1


def test_nothing_of_the_hosts_configuration_is_asked(tmp_path: Path) -> None:
    argv = rpmbuild_argv(tmp_path / "a.spec", tmp_path / "work", tmp_path)
    read = [word.partition("=")[2] for word in argv if word.startswith(("--macros=", "--rcfile="))]
    assert len(read) == 2
    assert {part.split("/")[1] for value in read for part in value.split(":")} == {"usr"}


def test_the_hosts_database_of_packages_is_left_alone(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    rpm(package, tmp_path / "one")
    assert [*home.iterdir()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="rpm --root needs root")
def test_an_installed_package_is_as_it_was_packed(package: Package, tmp_path: Path) -> None:
    path = rpm(package, tmp_path / "one")
    root = tmp_path / "root"
    place = ["--root", str(root), "--dbpath", "/usr/lib/sysimage/rpm", "--nodeps"]
    subprocess.run(["rpm", "--install", *place, "--noscripts", path], check=True)
    assert (root / "usr/share/agent/plain").read_text() == "plain\n"
    assert (root / "usr/bin/agent").read_text().startswith("#!/usr/bin/python3 -I\n")
    (root / "etc/agent.conf").write_text("a=2\n")
    verified = subprocess.run(
        ["rpm", "--verify", *place, "small-agent"], check=False, capture_output=True, text=True
    )
    assert [line.split()[1:] for line in verified.stdout.splitlines()] == [["c", "/etc/agent.conf"]]
    subprocess.run(["rpm", "--erase", *place, "--noscripts", "small-agent"], check=True)
    assert (root / "etc/agent.conf.rpmsave").read_text() == "a=2\n"
    assert not (root / "usr/share/agent").exists()
    assert not (root / "usr/lib/python3.12/site-packages/small").exists()


def test_a_python_distribution_becomes_a_package(base: Base, tmp_path: Path) -> None:
    spec = PyPiPackage(
        name="pykickstart", version="3.78", package="python3-pykickstart", licence="GPL-2.0-only"
    )
    path = rpm(pypi_package(spec, base), tmp_path / "one")
    assert path.name == "python3-pykickstart-3.78-1.noarch.rpm"
    assert requirements(path) == {"python(abi) = 3.12"}
    flags = dict(rows(path, "%{FILENAMES}|%{FILEFLAGS:fflags}"))
    folder = "/usr/lib/python3.12/site-packages"
    assert flags[f"{folder}/pykickstart-3.78.dist-info/licenses/COPYING"] == "l"
    assert f"{folder}/pykickstart/parser.py" in flags
    assert not [name for name in flags if "__pycache__" in name or name == folder]
    assert ask(path, "--queryformat=%{LICENSE}") == "GPL-2.0-only"


def test_what_rpmbuild_says_is_what_a_person_is_told(package: Package, tmp_path: Path) -> None:
    broken = replace(package, depends=("a > ",))
    with pytest.raises(StageError, match=r"`rpmbuild` failed with exit code 1: error: line 10: .*: a >"):
        rpm(broken, tmp_path / "one")


def test_a_base_of_rpms_gets_rpms(project: Project, base: Base, tmp_path: Path) -> None:
    make_room(project.root)
    image = project.image.model_copy(update={"local_packages": ("agent/packaging/package.yaml",)})
    project = replace(project, image=image, base=base)
    (tmp_path / "made/scratch").mkdir(parents=True)

    def no_mirrors() -> object:
        raise AssertionError

    ctx = Context(project, {}, tmp_path / "made/scratch", tmp_path / "log", no_mirrors, print)  # type: ignore[arg-type]
    facts = LocalPackages().run(ctx, tmp_path / "made")
    (path,) = (tmp_path / "made/packages").iterdir()
    assert ask(path, "--queryformat=%{NAME} %{ARCH} %{BUILDTIME}") == f"small-agent noarch {project.epoch}"
    assert list(facts["packages"]) == ["small-agent"]  # type: ignore[arg-type]


def test_each_package_has_a_folder_of_its_own_to_be_made_in(package: Package, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    for name in ("small-agent", "small-other"):
        one = replace(package, name=name)
        path = build_rpm(one, "noarch", tmp_path, tmp_path / "scratch", tmp_path / "log", EPOCH)
        assert path.is_file()
