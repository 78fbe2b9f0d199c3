"""Sets up a build host: the packages that packages.txt lists, and the virtual environment in .venv.

packages.txt has Debian's names; packages.redhat.txt has those of CentOS Stream, RHEL and their like. Runs on
the system's Python before anything is installed, so it uses the standard library only, as of Python 3.9. It
says what it will install before it does; without the right to install it prints the exact command, exit
status 3.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "build" / "packages.txt"
REDHAT_PACKAGES = ROOT / "build" / "packages.redhat.txt"
VENV = ROOT / ".venv"
OS_RELEASE = Path("/etc/os-release")
UNSUITABLE = 1
NO_RIGHTS = 3
NEWER_PYTHON = "python3.12"
"""A package of CentOS Stream 9, whose python3 is 3.9, and the program in it."""


class Family(NamedTuple):
    """How distributions of one kind list and install packages."""

    label: str
    """What its packages are called."""
    query: tuple[str, ...]
    """Lists what is installed: a name to a line."""
    refresh: tuple[str, ...]
    """Run before an installation; may be empty."""
    install: tuple[str, ...]
    """Installs the names that follow."""
    quiet: str
    """The option of both that leaves out how they get on."""
    newer_python: str
    """Where a Python newer than the system's is to be had."""


DEBIAN = Family(
    "Debian packages",
    ("dpkg-query", "--show", "--showformat=${db:Status-Status} ${binary:Package}\n"),
    ("apt-get", "update"),
    ("apt-get", "install", "--yes", "--no-install-recommends"),
    "--quiet=2",
    "build on Debian 12 or later",
)
REDHAT = Family(
    "RPM packages",
    # What installed packages provide: their own names, and those that they took over.
    ("rpm", "--query", "--all", "--queryformat", "[installed %{PROVIDES}\n]"),
    (),
    ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"),
    "--quiet",
    f"`dnf install {NEWER_PYTHON}`, then `make PYTHON={NEWER_PYTHON}` and what is to be made",
)


class Translated(NamedTuple):
    """A line of packages.redhat.txt."""

    debian: str
    repository: str
    """As images/bases/ call it, or `none`."""
    names: tuple[str, ...]


def family_of(os_release: str) -> Family | None:
    """Which kind of distribution a host has, by its os-release(5); None when it is another."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    names = {name for key in ("ID", "ID_LIKE") for name in fields.get(key, "").strip("\"'").split()}
    if "debian" in names:
        return DEBIAN
    # Fedora is like neither: its dnf is another program.
    return REDHAT if names & {"rhel", "centos"} else None


def wanted_packages(text: str) -> list[str]:
    """Package names in packages.txt: one to a line, `#` starts a comment."""
    names = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [name for name in names if name]


def translations(text: str) -> list[Translated]:
    """The lines of packages.redhat.txt; that file explains their form."""
    rows = (line.split("#", 1)[0].split() for line in text.splitlines())
    return [Translated(row[0], row[1], tuple(row[2:])) for row in rows if row]


def redhat_packages(lines: list[Translated], epel: bool) -> tuple[list[str], list[str]]:
    """Names to install, and those that only EPEL has when the host has no EPEL."""
    found = [name for line in lines if epel or line.repository != "epel" for name in line.names]
    left_out = [name for line in lines if not epel and line.repository == "epel" for name in line.names]
    return found, left_out


def missing_packages(wanted: list[str], installed: set[str]) -> list[str]:
    """Those of the wanted packages that are not installed, in the list's order."""
    return [name for name in wanted if name not in installed]


def installed_packages(family: Family) -> set[str]:
    """Names of the packages installed on this host."""
    rows = subprocess.run(family.query, check=True, capture_output=True, text=True).stdout.splitlines()
    return {row.split()[1].split(":")[0] for row in rows if row.startswith("installed ")}


def python_needed(pyproject: str) -> tuple[int, int]:
    """The lowest version of Python that the project runs on, from its requires-python."""
    match = re.search(r'^requires-python = ">=(\d+)\.(\d+)"$', pyproject, re.MULTILINE)
    if match is None:
        raise ValueError("pyproject.toml has no requires-python of the form >=X.Y")
    return int(match[1]), int(match[2])


def venv_stamp(pyproject: bytes, python: str) -> str:
    """What the virtual environment was made from: another value means it has to be made again."""
    return hashlib.sha256(pyproject + python.encode()).hexdigest()


def prefix() -> list[str] | None:
    """How to become root: nothing to add, sudo, or None when neither is possible."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def check_python(family: Family | None, version: tuple[int, int]) -> int:
    """Says so when this Python is too old; returns the exit status."""
    needed = python_needed((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if version >= needed:
        return 0
    hint = family.newer_python if family else "`make PYTHON=` and a newer one"
    print(
        f"setup: {sys.executable} is Python {version[0]}.{version[1]}; "
        f"{needed[0]}.{needed[1]} or later is needed: {hint}"
    )
    return UNSUITABLE


def install_packages(family: Family | None) -> int:
    """Installs what is missing; returns the exit status."""
    if family is None or shutil.which(family.install[0]) is None:
        print(
            "setup: this host is neither a Debian with apt-get nor a CentOS Stream or RHEL with dnf; "
            f"install the equivalents of {PACKAGES} and make {VENV.name} yourself"
        )
        return NO_RIGHTS
    installed = installed_packages(family)
    wanted = wanted_packages(PACKAGES.read_text(encoding="utf-8"))
    if family is REDHAT:
        lines = translations(REDHAT_PACKAGES.read_text(encoding="utf-8"))
        wanted, left_out = redhat_packages(lines, "epel-release" in installed)
        if left_out:
            print(
                f"setup: this host has no EPEL (package epel-release); left out: {' '.join(left_out)}",
                flush=True,
            )
    missing = missing_packages(wanted, installed)
    return install(family, missing) if missing else 0


def install(family: Family, missing: list[str]) -> int:
    """Installs packages, or says how; returns the exit status."""
    command = [*family.install, *missing]
    commands = [list(family.refresh), command] if family.refresh else [command]
    root = prefix()
    if root is None:
        print(f"setup: {family.label} are missing and this user may not install them; run:")
        print(f"  {' && '.join(f'sudo {shlex.join(words)}' for words in commands)}")
        return NO_RIGHTS
    print(f"setup: installing {len(missing)} {family.label}: {' '.join(missing)}", flush=True)
    env = ["env", "DEBIAN_FRONTEND=noninteractive"] if family is DEBIAN else []
    for words in commands:
        done = subprocess.run([*root, *env, *words, family.quiet], stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            print(f"setup: failed: {shlex.join([*root, *words])}")
            return done.returncode
    return 0


def make_venv() -> int:
    """Makes .venv with the project in it unless it is there and current; returns the exit status."""
    stamp_file = VENV / "edgelinux-setup.sha256"
    stamp = venv_stamp((ROOT / "pyproject.toml").read_bytes(), sys.version)
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return 0
    print(
        f"setup: making the virtual environment {VENV.name} with the packages of pyproject.toml", flush=True
    )
    venv.create(VENV, clear=True, with_pip=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "install", "--editable", f"{ROOT}[dev]"], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(done.stderr)
        print("setup: pip could not install the project's requirements (its message is above)")
        return done.returncode
    stamp_file.write_text(stamp)
    return 0


def main() -> int:
    """Sets the host up; returns the exit status."""
    family = family_of(OS_RELEASE.read_text(encoding="utf-8")) if OS_RELEASE.exists() else None
    return check_python(family, sys.version_info[:2]) or install_packages(family) or make_venv()


if __name__ == "__main__":
    sys.exit(main())
