"""Reads kickstarts that people have written, and asks whether a host made from one can be entered."""

from __future__ import annotations

from pathlib import Path

from edgelinux_installer.kickstart import Kickstart, KickstartError, read_kickstart

__all__ = ["has_login", "load_kickstart"]


def load_kickstart(path: Path) -> tuple[str, Kickstart]:
    """Read and check a kickstart as the installer will; returns its text and what it says.

    Raises KickstartError, which names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KickstartError(str(path), 0, "is not UTF-8 text") from error
    except OSError as error:
        raise KickstartError(str(path), 0, f"cannot be read: {error.strerror}") from error
    return text, read_kickstart(text, str(path))


def has_login(ks: Kickstart) -> bool:
    """Whether the commands (scripts do not count) give somebody a password or an SSH key."""
    root = ks.root is not None and bool(ks.root.password) and not ks.root.locked
    users = any(user.password and not user.locked for user in ks.users)
    return root or users or bool(ks.ssh_keys)
