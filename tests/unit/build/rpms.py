"""A base of RPMs beside the one of debs, and what an RPM says when it is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

from edgelinux_build.images import Base
from edgelinux_build.packaging import Package
from edgelinux_build.rpms import build_rpm

EPOCH = 1_700_000_000


def of_rpms(base: Base, names: dict[str, tuple[str, ...]] | None = None) -> Base:
    """The base, if its packages were RPMs and its Python another."""
    update = {
        "kind": "rpm",
        "architecture": "noarch",
        "python": ("python(abi) = 3.12",),
        "names": names or {},
    }
    packages = base.packages.model_copy(update=update)
    folder = "/usr/lib/python3.12/site-packages"
    changes = {"name": f"{base.name}-of-rpms", "packages": packages, "python_packages": folder}
    return base.model_copy(update=changes)


def rpm(package: Package, folder: Path, epoch: int = EPOCH) -> Path:
    """Build a package in a new folder."""
    (folder / "scratch").mkdir(parents=True)
    return build_rpm(package, "noarch", folder, folder / "scratch", folder / "log", epoch)


def ask(path: Path, *question: str) -> str:
    """What `rpm --query --package` says; the host's own database of packages is left alone."""
    argv = ["rpm", "--query", "--package", "--dbpath", str(path.parent / "nothing"), *question, str(path)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def rows(path: Path, row: str) -> list[list[str]]:
    """One row for each item of a list in the header, as queryformat describes it with | between fields."""
    return [line.split("|") for line in ask(path, f"--queryformat=[{row}\\n]").splitlines()]


def requirements(path: Path) -> set[str]:
    """What package.yaml made the package need; not what rpmbuild adds for the package's own format."""
    asked = rows(path, "%{REQUIRENAME}|%{REQUIREFLAGS:depflags}|%{REQUIREVERSION}|%{REQUIREFLAGS:deptype}")
    return {
        f"{name} {sign.strip()} {version}" if version else name
        for name, sign, version, kind in asked
        if kind == "manual"
    }
