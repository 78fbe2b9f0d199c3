"""The packages of this repository as debs and as RPMs: the same files, and the same needs."""

from __future__ import annotations

import hashlib
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from edgelinux_build.debs import build_deb
from edgelinux_build.images import Base, load_base, load_bases
from edgelinux_build.packaging import Package, load_package, pypi_package

from tests.unit.build.rpms import EPOCH, of_rpms, requirements, rows, rpm

REPOSITORY = Path(__file__).resolve().parents[3]
RPMLINT = Path(__file__).with_name("rpmlint.toml")
DEBS = load_base(REPOSITORY, "debian-13")

# One name that is another, one that is several, one that is none.
OTHERWISE = of_rpms(
    DEBS,
    {
        "iproute2": ("iproute",),
        "libvirt-daemon-system": ("libvirt-daemon-driver-network", "libvirt-daemon-driver-qemu"),
        "dosfstools": (),
    },
)
BASES = [OTHERWISE, *(base for base in load_bases(REPOSITORY) if base.packages.kind == "rpm")]
NAMES = ["hostd", "kickstart", "pykickstart"]


@dataclass(frozen=True)
class Pair:
    """A package in both formats."""

    name: str
    base: Base
    """That of the RPM."""
    deb: Path
    rpm: Path


@dataclass(frozen=True)
class File:
    """A packaged file, as both formats know it."""

    mode: str
    owner: str
    sha256: str


def package_of(name: str, base: Base) -> Package:
    for spec in base.pypi:
        if spec.name == name:
            return pypi_package(spec, base)
    if name == "pykickstart":
        pytest.skip(f"{base.label} has its own")
    return load_package(REPOSITORY / name / "packaging/package.yaml", base, "2.1.0")


def deb(package: Package, folder: Path) -> Path:
    (folder / "scratch").mkdir(parents=True)
    return build_deb(package, "all", folder, folder / "scratch", folder / "log", EPOCH)


@pytest.fixture(
    scope="module",
    params=[(name, base) for base in BASES for name in NAMES],
    ids=lambda param: f"{param[0]}-{param[1].name}",
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    name, base = request.param
    folder = tmp_path_factory.mktemp(name)
    as_rpm = rpm(package_of(name, base), folder / "rpm")
    return Pair(name, base, deb(package_of(name, DEBS), folder / "deb"), as_rpm)


def files_of_deb(path: Path) -> dict[str, File]:
    tree = path.parent / "tree"
    subprocess.run(["dpkg-deb", "--extract", path, tree], check=True)
    listing = subprocess.run(["dpkg-deb", "--contents", path], check=True, capture_output=True, text=True)
    owners = {
        line.split(maxsplit=5)[5].removeprefix("."): line.split()[1] for line in listing.stdout.splitlines()
    }
    return {
        f"/{file.relative_to(tree)}": File(
            stat.filemode(file.stat().st_mode),
            owners[f"/{file.relative_to(tree)}"].replace("/", ":"),
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        for file in tree.rglob("*")
        if file.is_file()
    }


def files_of_rpm(path: Path) -> dict[str, File]:
    row = "%{FILENAMES}|%{FILEMODES:perms}|%{FILEUSERNAME}:%{FILEGROUPNAME}|%{FILEDIGESTS}"
    asked = rows(path, row)
    return {name: File(mode, owner, sha) for name, mode, owner, sha in asked if not mode.startswith("d")}


def test_a_deb_and_an_rpm_hold_the_same_files(pair: Pair) -> None:
    package = package_of(pair.name, pair.base)
    found = files_of_rpm(pair.rpm)
    licences = [path for path in found if path.startswith(f"/usr/share/licenses/{package.name}/")]
    assert len(licences) == (0 if package.licence_files else 1)
    expected = {
        path.replace(DEBS.python_packages, pair.base.python_packages, 1): file
        for path, file in files_of_deb(pair.deb).items()
        if not path.startswith(f"/usr/share/doc/{package.name}/")
    }
    assert {path: file for path, file in found.items() if path not in licences} == expected
    assert len(expected) > 5


def test_a_deb_and_an_rpm_keep_the_same_configuration(pair: Pair, tmp_path: Path) -> None:
    asked = rows(pair.rpm, "%{FILENAMES}|%{FILEFLAGS:fflags}")
    subprocess.run(["dpkg-deb", "--control", pair.deb, tmp_path / "control"], check=True)
    conffiles = tmp_path / "control/conffiles"
    expected = set(conffiles.read_text().splitlines() if conffiles.exists() else ())
    assert {path for path, flags in asked if "c" in flags} == expected
    assert {path for path, flags in asked if "n" in flags} == expected


def test_a_deb_and_an_rpm_need_the_same_by_the_names_of_their_base(pair: Pair) -> None:
    argv: list[str | Path] = ["dpkg-deb", "--field", pair.deb, "Depends"]
    field = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    debian = set(re.split(r",\s*", field.strip())) - set(DEBS.packages.python)
    names = pair.base.packages.names
    expected = {word for known in debian for word in names.get(known, (known,))}
    assert requirements(pair.rpm) == expected | set(pair.base.packages.python)


def test_rpmlint_finds_no_error(pair: Pair) -> None:
    argv: list[str | Path] = ["rpmlint", "--config", RPMLINT, pair.rpm]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.fail("rpmlint is missing; build/packages.txt lists it")
    assert "1 packages and 0 specfiles checked" in done.stdout, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if ": E: " in line] == []


def test_a_base_has_names_only_for_dependencies_that_exist() -> None:
    """One that was misspelt, or that nothing needs any longer, would be there for nobody."""
    needed = {
        word
        for name in ("hostd", "kickstart")
        for word in load_package(REPOSITORY / name / "packaging/package.yaml", DEBS, "1").depends
    }
    for base in BASES:
        assert base.packages.names.keys() - needed == set(), base.label
