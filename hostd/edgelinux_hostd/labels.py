"""SELinux labels: of a tree that does not run, by its own policy (setfiles(8)), and of files of this host.

A new dataset's root has none, and what is made in it inherits that. ZFS's own properties for labels
(`rootcontext` and its like) are no way out: with them a pool cannot be mounted where SELinux is off.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["file_contexts", "label_machine", "label_rules", "setfiles_argv"]

log = logging.getLogger(__name__)

_CONFIG = "etc/selinux/config"
_SELINUX = Path("/sys/fs/selinux/enforce")
_ATTRIBUTE = "security.selinux"
# That of libvirt's directory of images: QEMU may search it, libvirt may give the files in it to a machine.
_IMAGES = b"system_u:object_r:virt_image_t:s0\0"
# That of /etc, which every program may read; a unit's nft(8) may not read what lies in /var/lib.
_RULES = b"system_u:object_r:etc_t:s0\0"


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


def label_machine(directory: Path, selinux: Path = _SELINUX) -> None:
    """Have libvirt and QEMU get at what an antlet's directory holds for a machine that does not run.

    Its pool's directory and its own, and the files in `disks/`; nothing where SELinux is off, or where they
    have the label. That a label cannot be given is logged only: QEMU says better what it was kept from.
    """
    disks = directory / "disks"
    for path in (directory.parent, directory, disks, *sorted(disks.glob("*"))):
        _give(path, _IMAGES, selinux)


def label_rules(path: Path, selinux: Path = _SELINUX) -> None:
    """Have a unit's nft(8) read this file of rules at the next boot; nothing where SELinux is off."""
    _give(path, _RULES, selinux)


def _give(path: Path, label: bytes, selinux: Path) -> None:
    if not selinux.exists() or path.is_symlink() or not path.exists() or _label(path) == label:
        return
    try:
        os.setxattr(path, _ATTRIBUTE, label, follow_symlinks=False)
    except OSError as error:
        log.warning("%s cannot be labelled for SELinux: %s", path, error.strerror)


def _label(path: Path) -> bytes:
    try:
        return os.getxattr(path, _ATTRIBUTE, follow_symlinks=False)
    except OSError:
        return b""
