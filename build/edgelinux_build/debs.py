"""Writes Debian packages: a staged tree and dpkg-deb, without debhelper (deb(5), deb-control(5))."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .debdocs import doc_entries
from .packaging import Package
from .process import run_logged
from .staging import place, settle

__all__ = ["MAINTAINER", "build_deb", "control"]

MAINTAINER = "edgeLinux <packages@edgelinux.invalid>"
"""Of all packages that are made from this repository; the elements name it, too.

The domain is one that nobody can have (RFC 2606).
"""


def build_deb(
    package: Package, architecture: str, folder: Path, scratch: Path, log: Path, epoch: int
) -> Path:
    """Build <name>_<version>_<architecture>.deb in `folder`: same sources and epoch, same bytes."""
    stage = scratch / package.name
    stage.mkdir(mode=0o755)
    package = replace(package, entries=(*package.entries, *doc_entries(package, MAINTAINER, epoch)))
    installed = 0
    for entry in package.entries:
        installed += place(entry, stage)
    _write_debian(package, architecture, stage, installed)
    settle(stage, epoch)
    target = folder / f"{package.name}_{package.version}_{architecture}.deb"
    argv: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", stage, target]
    run_logged(argv, log, env={"SOURCE_DATE_EPOCH": str(epoch)})
    return target


def _write_debian(package: Package, architecture: str, stage: Path, installed: int) -> None:
    debian = stage / "DEBIAN"
    debian.mkdir()
    (debian / "control").write_text(control(package, architecture, installed), encoding="utf-8")
    sums = "".join(f"{digest}  {name}\n" for name, digest in _md5(package, stage))
    (debian / "md5sums").write_text(sums, encoding="utf-8")
    conffiles = [entry.target for entry in package.entries if entry.target.startswith("/etc/")]
    if conffiles:
        (debian / "conffiles").write_text("".join(f"{name}\n" for name in conffiles), encoding="utf-8")


def _md5(package: Package, stage: Path) -> Iterator[tuple[str, str]]:
    for entry in package.entries:
        name = entry.target.lstrip("/")
        yield name, hashlib.md5((stage / name).read_bytes(), usedforsecurity=False).hexdigest()


def control(package: Package, architecture: str, installed: int) -> str:
    """Return the control file; `installed` is the size of all files in bytes."""
    lines = [
        f"Package: {package.name}",
        f"Version: {package.version}",
        f"Architecture: {architecture}",
        f"Maintainer: {MAINTAINER}",
        f"Installed-Size: {-(-installed // 1024)}",
    ]
    if package.depends:
        lines.append(f"Depends: {', '.join(package.depends)}")
    lines += ["Section: admin", "Priority: optional", f"Description: {package.summary}"]
    for paragraph in (part for part in package.description.strip().split("\n\n") if part):
        if not lines[-1].startswith("Description:"):
            lines.append(" .")
        lines += [f" {line}" for line in textwrap.wrap(paragraph, 76)]
    return "\n".join(lines) + "\n"
