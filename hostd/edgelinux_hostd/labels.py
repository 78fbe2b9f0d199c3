"""SELinux labels of a tree that does not run: setfiles(8) with the tree's own policy (selinux_config(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["file_contexts", "setfiles_argv"]

_CONFIG = "etc/selinux/config"


def file_contexts(root: Path) -> Path:
    """Return the file that says which path has which label, of the policy that the tree boots with.

    Raises EdgeLinuxError when the tree has no such policy.
    """
    try:
        text = (root / _CONFIG).read_text(encoding="utf-8")
    except OSError as error:
        raise EdgeLinuxError(
            f"{root} has no SELinux policy: /{_CONFIG}: {error.strerror}",
            hint="does an element install one?",
        ) from error
    found: list[str] = re.findall(r"(?m)^[ \t]*SELINUXTYPE[ \t]*=[ \t]*([\w.-]+)[ \t]*$", text)
    if not found:
        raise EdgeLinuxError(f"/{_CONFIG} of {root} names no policy", hint="SELINUXTYPE=targeted, for one")
    path = root / "etc/selinux" / found[-1] / "contexts/files/file_contexts"
    if not path.is_file():
        raise EdgeLinuxError(f"{root} has no policy {found[-1]}: there is no {path}")
    return path


def setfiles_argv(root: Path, contexts: Path, excluded: Sequence[str] = ()) -> list[str]:
    """Return the command that gives every file below a tree's root its label.

    Only labels that differ are written, whoever set them. `excluded` are directories in the tree.
    """
    argv = ["setfiles", "-F"]
    for folder in excluded:
        argv += ["-e", str(root / folder.lstrip("/"))]
    if root != Path("/"):
        argv += ["-r", str(root)]
    return [*argv, str(contexts), str(root)]
