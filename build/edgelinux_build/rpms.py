"""Writes RPMs: a staged tree and rpmbuild, without the build host's configuration of it (rpmbuild(8))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .packaging import Package
from .process import run_logged
from .rpmspec import RELEASE, license_entries, rpm_version, spec
from .staging import place, settle

__all__ = ["build_rpm", "rpmbuild_argv"]

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# In place of /etc/rpm, of a user's own macros, and of what distributions add to do to packages' files.
_MACROS = "/usr/lib/rpm/macros:/usr/lib/rpm/platform/%{_target}/macros"
_RCFILE = "/usr/lib/rpm/rpmrc"

_SETTINGS: Mapping[str, str] = {
    "_buildhost": "edgelinux.invalid",
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "source_date_epoch_from_changelog": "0",
    "_target_platform": "noarch-linux",
    # One thread: with several, bytes depend on their number.
    "_binary_payload": "w19.zstdio",
    "_binary_filedigest_algorithm": "8",
    "_rpmfilename": "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
    # Files stay as they are: nothing is stripped, compressed or compiled to bytecode.
    "__os_install_post": "%{nil}",
    "__arch_install_post": "%{nil}",
    "debug_package": "%{nil}",
}


def build_rpm(
    package: Package, architecture: str, folder: Path, scratch: Path, log: Path, epoch: int
) -> Path:
    """Build <name>-<version>-1.<architecture>.rpm in `folder`: same sources and epoch, same bytes.

    Raises StageError, and EdgeLinuxError for what an RPM cannot express.
    """
    work = scratch / package.name
    stage = work / "stage"
    stage.mkdir(parents=True)
    added = license_entries(package)
    texts = (*package.licence_files, *(entry.target for entry in added))
    package = replace(package, entries=(*package.entries, *added), licence_files=texts)
    for entry in package.entries:
        place(entry, stage)
    settle(stage, epoch)
    path = work / f"{package.name}.spec"
    path.write_text(spec(package, architecture, epoch), encoding="utf-8")
    env = {"PATH": _PATH, "HOME": str(work), "SOURCE_DATE_EPOCH": str(epoch)}
    run_logged(rpmbuild_argv(path, work, folder), log, env=env, clean_env=True)
    return folder / f"{package.name}-{rpm_version(package.version)}-{RELEASE}.{architecture}.rpm"


def rpmbuild_argv(path: Path, work: Path, folder: Path) -> list[str]:
    """Return the command for the spec file `path`: all but the package itself goes to `work`."""
    places = {
        "_topdir": work / "top",
        "_sourcedir": work / "stage",
        "_tmppath": work / "tmp",
        "_dbpath": work / "db",
        "_rpmdir": folder,
    }
    defines = {**_SETTINGS, **{name: str(place) for name, place in places.items()}}
    return [
        "rpmbuild",
        f"--rcfile={_RCFILE}",
        f"--macros={_MACROS}",
        *(word for name, value in defines.items() for word in ("--define", f"{name} {value}")),
        # What it says of its own work comes after its errors, of which the last line is shown.
        "--quiet",
        "-bb",
        str(path),
    ]
