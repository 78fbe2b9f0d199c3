"""dnf and rpm, as diskimage-builder runs them, take packages for a CPU level that they do not know."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from edgelinux_build.host_dnf import private_dnf
from edgelinux_build.images import Base, load_base
from edgelinux_build.repositories import KEYS, render
from edgelinux_build.rpm_repositories import architectures

from tests.unit.build.mirror.rpms import Packages, make_root, make_rpm_repository

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount"),
    pytest.mark.skipif(not shutil.which("sudo"), reason="needs sudo, which diskimage-builder calls"),
]
ELEMENT = Path(__file__).resolve().parents[4] / "elements/almalinux-minimal"
# As in yum-minimal's 08-yum-chroot: the database of release 10, also by the macros of rpm below HOME.
DBPATH = "/usr/lib/sysimage/rpm"


@pytest.fixture
def base(packages: Packages, tmp_path: Path) -> Base:
    """Its repository has packages of the level, of the plain architecture, and without."""
    files = packages.of("stack", "floor", "level", "library", "release", "foreign")
    url = make_rpm_repository(tmp_path / "core", files).as_uri()
    root = make_root(tmp_path / "definitions", packages, ("core",), "http://none.example")
    found = load_base(root, "rpm-1")
    mirrors = found.mirrors.model_copy(update={"architecture": "x86_64_v2"})
    (tmp_path / "repos").mkdir()
    text = render(mirrors.repositories, {"core": url}, {"good": (root / KEYS / "good.asc").as_uri()})
    (tmp_path / "repos/core.repo").write_text(text)
    return found.model_copy(update={"mirrors": mirrors})


def run_in(
    within: tuple[str | Path, ...], folder: Path, *argv: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a program with a home of its own."""
    (folder / "home").mkdir(exist_ok=True)
    (folder / "home/.rpmmacros").write_text(f"%_dbpath {DBPATH}\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
    return subprocess.run([*within, *argv], env=env, capture_output=True, text=True, check=False)


def dnf(folder: Path, *arguments: str | Path) -> list[str | Path]:
    return [
        "sudo",
        "-E",
        "dnf",
        "-y",
        "--releasever=10",
        f"--setopt=reposdir={folder}/repos",
        f"--setopt=cachedir={folder}/cache",
        *arguments,
    ]


def test_the_first_packages_are_downloaded_installed_and_others_with_them(base: Base, tmp_path: Path) -> None:
    within, root, got = private_dnf(tmp_path, base), tmp_path / "root", tmp_path / "got"
    root.mkdir()
    done = run_in(within, tmp_path, *dnf(tmp_path, f"--destdir={got}", "download", "floor", "release"))
    assert sorted(path.name for path in got.glob("*")) == [
        "floor-1-1.x86_64_v2.rpm",
        "release-2.0-1.noarch.rpm",
    ], done.stderr
    rpm: list[str | Path] = ["sudo", "rpm", f"--dbpath={DBPATH}", "--root", root]
    done = run_in(within, tmp_path, *rpm, "--nodeps", "-ivh", *got.glob("*"))
    assert done.returncode == 0, done.stderr
    done = run_in(within, tmp_path, *dnf(tmp_path, "--installroot", root, "install", "stack"))
    assert done.returncode == 0, done.stdout + done.stderr
    listed = run_in((), tmp_path, *rpm[1:], "-qa", "--queryformat", "%{NAME}.%{ARCH}\n").stdout.splitlines()
    assert sorted(name for name in listed if not name.startswith("gpg-pubkey")) == [
        "floor.x86_64_v2",
        "level.x86_64_v2",
        "library.x86_64",
        "release.noarch",
        "stack.x86_64_v2",
    ]


def test_no_package_of_another_architecture_is_installed(base: Base, tmp_path: Path) -> None:
    within = private_dnf(tmp_path, base)
    argv = dnf(tmp_path, "--installroot", tmp_path / "root", "install", "foreign")
    done = run_in(within, tmp_path, *argv)
    assert done.returncode == 1
    assert "foreign-1-1.i686 does not have a compatible architecture" in done.stderr


@pytest.mark.parametrize("told", [True, False])
def test_the_trees_own_dnf_is_told_of_the_level(base: Base, tmp_path: Path, told: bool) -> None:
    """dnf reads variables below the install root; diskimage-builder writes the plain architecture there."""
    variables = tmp_path / "root/etc/dnf/vars"
    variables.mkdir(parents=True)
    (variables / "arch").write_text("x86_64\n")
    if told:
        script = ELEMENT / "pre-install.d/02-dnf-architectures"
        shell = 'mount --bind "$1" /etc/dnf && exec "$2"'
        argv: list[str | Path] = ["unshare", "--mount", "sh", "-c", shell, "sh", variables.parent, script]
        environment = {**os.environ, "EDGELINUX_ARCHITECTURES": ":".join(architectures(base))}
        subprocess.run(argv, check=True, env=environment)
    install = ("--installroot", tmp_path / "root", "--downloadonly", "install", "stack")
    plain = base.model_copy(update={"mirrors": base.mirrors.model_copy(update={"architecture": ""})})
    done = run_in(private_dnf(tmp_path, plain), tmp_path, *dnf(tmp_path, *install))
    assert done.returncode == (0 if told else 1), done.stderr
    assert ("stack-1-1.x86_64_v2 does not have a compatible architecture" in done.stderr) is not told
