"""Root, which mounting and owning files as others need: by sudo without a question, or a command to type."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from .repositories import VARIABLE

__all__ = ["NO_RIGHTS", "become_root", "hand_over", "make_directory", "sudo_command"]

NO_RIGHTS = 3
"""Exit code when root is needed and cannot be had."""

_PASSED_ON = (
    "HOME",
    "XDG_CACHE_HOME",
    "EDGELINUX_ROOT",
    "EDGELINUX_MIRROR",
    "EDGELINUX_SECURITY_MIRROR",
    "EDGELINUX_DEBUG",
    "EDGELINUX_SIGN_KEY",
    "GNUPGHOME",
    "SOURCE_DATE_EPOCH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


def sudo_command(arguments: Sequence[str], *, ask: bool, module: str = "edgelinux_build.cli") -> list[str]:
    """Return the command that runs `edgelinux` with these arguments as root, in the user's own cache.

    `module` is what runs instead of `edgelinux`.
    """
    passed = [name for name in _PASSED_ON if name in os.environ]
    passed += sorted(name for name in os.environ if name.startswith(VARIABLE))
    quiet = [] if ask else ["-n"]
    return [
        "sudo",
        *quiet,
        f"--preserve-env={','.join(passed)}",
        sys.executable,
        "-m",
        module,
        *arguments,
    ]


def become_root(arguments: Sequence[str], why: str, module: str = "edgelinux_build.cli") -> None:
    """Return when this is root, else replace this process by one that is; raises EdgeLinuxError."""
    if os.geteuid() == 0:
        return
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        command = sudo_command(arguments, ask=False, module=module)
        os.execv(sudo, command)  # noqa: S606  (no shell is wanted)
    command_line = shlex.join(sudo_command(arguments, ask=True, module=module))
    raise EdgeLinuxError(f"{why} needs root; run: {command_line}", exit_code=NO_RIGHTS)


def hand_over(path: Path) -> None:
    """Give what sudo made to the user who asked for it."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and uid.isdigit() and gid.isdigit():
        os.chown(path, int(uid), int(gid))


def make_directory(path: Path) -> None:
    """Make a directory and those above it, as the user who asked for it would have them."""
    if path.is_dir():
        return
    if path.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    hand_over(path)
