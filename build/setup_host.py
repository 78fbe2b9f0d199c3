"""Sets up a build host: Debian packages from packages.txt and the virtual environment in .venv.

Runs on the system's Python before anything is installed, so it uses the standard library only. It says what
it will install before it does; without the right to install it prints the exact command, exit status 3.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "build" / "packages.txt"
VENV = ROOT / ".venv"
NO_RIGHTS = 3


def wanted_packages(text: str) -> list[str]:
    """Package names in packages.txt: one to a line, `#` starts a comment."""
    names = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [name for name in names if name]


def missing_packages(wanted: list[str], installed: set[str]) -> list[str]:
    """Those of the wanted packages that are not installed, in the list's order."""
    return [name for name in wanted if name not in installed]


def installed_packages() -> set[str]:
    """Names of the Debian packages installed on this host."""
    query = ["dpkg-query", "--show", "--showformat=${binary:Package} ${db:Status-Status}\n"]
    rows = subprocess.run(query, check=True, capture_output=True, text=True).stdout.split("\n")
    return {row.split()[0].split(":")[0] for row in rows if row.endswith(" installed")}


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


def install_packages() -> int:
    """Installs what is missing of packages.txt; returns the exit status."""
    if shutil.which("apt-get") is None:
        print(f"setup: this host has no apt-get; install the equivalents of {PACKAGES} and run again")
        return NO_RIGHTS
    missing = missing_packages(wanted_packages(PACKAGES.read_text()), installed_packages())
    if not missing:
        return 0
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    root = prefix()
    if root is None:
        print("setup: Debian packages are missing and this user may not install them; run:")
        print(f"  sudo apt-get update && sudo {shlex.join(install)}")
        return NO_RIGHTS
    print(f"setup: installing {len(missing)} Debian packages: {' '.join(missing)}", flush=True)
    env = ["env", "DEBIAN_FRONTEND=noninteractive"]
    for command in (["apt-get", "update", "--quiet=2"], [*install, "--quiet=2"]):
        done = subprocess.run([*root, *env, *command], stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            print(f"setup: failed: {shlex.join([*root, *command])}")
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
    return install_packages() or make_venv()


if __name__ == "__main__":
    sys.exit(main())
