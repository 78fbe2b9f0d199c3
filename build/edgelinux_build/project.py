"""Finds the repository and puts together what one build is about."""

from __future__ import annotations

import os
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_installer.site.model import load_site
from edgelinux_installer.site.render import render_kickstart

from .images import load_bases, load_image, names
from .lock import Lock, load_lock, lock_path
from .mirrors import choose_base
from .stage import Project

__all__ = ["default_image", "find_root", "load_project", "source_date_epoch"]

USAGE = 2
"""Exit code for what the command line or a definition gets wrong."""


def find_root(start: Path | None = None) -> Path:
    """Return the repository: EDGELINUX_ROOT, else the nearest directory upward with images and elements.

    Raises EdgeLinuxError.
    """
    named = os.environ.get("EDGELINUX_ROOT")
    folders = [Path(named)] if named else [start or Path.cwd(), *(start or Path.cwd()).parents]
    for folder in folders:
        if (folder / "images" / "bases").is_dir() and (folder / "elements").is_dir():
            return folder.resolve()
    where = f"EDGELINUX_ROOT={named}" if named else f"{folders[0]} and above"
    raise EdgeLinuxError(
        f"no edgeLinux repository at {where}",
        hint="run this in the repository, or set EDGELINUX_ROOT",
        exit_code=USAGE,
    )


def default_image(root: Path) -> str:
    """Return the one image there is; raises EdgeLinuxError when there is a choice."""
    found = names(root / "images")
    if len(found) == 1:
        return found[0]
    raise EdgeLinuxError(
        "name the image to build", hint=f"known: {', '.join(found) or 'none'}", exit_code=USAGE
    )


def load_project(
    root: Path,
    image_name: str | None,
    base_name: str,
    site_file: Path | None,
    out: Path,
    *,
    locked: bool = False,
    sign_key: str = "",
) -> Project:
    """Load all definitions and render the kickstart; every error in them shows before anything is built."""
    image = load_image(root, image_name or default_image(root))
    base, why = choose_base(image, load_bases(root), base_name)
    site = load_site(site_file)
    lock = load_lock(lock_path(root, image.name, base.name))
    return Project(
        root=root,
        image=image,
        base=base,
        why_base=why,
        kickstart=render_kickstart(site),
        unattended=site.unattended,
        asks=site_file is None,
        serial=site.serial_console or "",
        epoch=source_date_epoch(root, lock if locked else None),
        out=out.resolve(),
        jobs=len(os.sched_getaffinity(0)),
        lock=lock,
        locked=locked,
        sign_key=sign_key,
    )


def source_date_epoch(root: Path, lock: Lock | None = None) -> int:
    """Return SOURCE_DATE_EPOCH, else the lock's, else the last commit's, else the definitions'."""
    named = os.environ.get("SOURCE_DATE_EPOCH", "")
    if named.isdigit():
        return int(named)
    if lock:
        return lock.source_date_epoch
    # Run by sudo, git would refuse a repository that belongs to the user.
    git: list[str | Path] = ["git", "-c", "safe.directory=*", "-C", root, "log", "-1", "--format=%ct"]
    try:
        text = run(git, check=False).stdout.strip()
    except EdgeLinuxError:
        text = ""
    return int(text) if text.isdigit() else int((root / "images").stat().st_mtime)
