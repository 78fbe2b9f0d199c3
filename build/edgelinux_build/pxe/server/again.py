"""A person's word that a machine may be installed once more: an empty file, named by its MAC address.

Files can be made while the server runs, by whoever may write to its directory: by root, with `touch`, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError, InvalidError
from edgelinux_installer.identity import normalise_mac

__all__ = ["Again", "ask_again"]


def ask_again(state_dir: Path, mac: str) -> Path:
    """Allow one more installation of a machine, running server or not; raises EdgeLinuxError."""
    known = normalise_mac(mac)
    if not known:
        raise InvalidError(f"{mac!r} is not a MAC address", hint="such as aa:bb:cc:dd:ee:ff")
    file = _file(state_dir, known)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise EdgeLinuxError(f"cannot write {file}: {error.strerror}") from error
    return file


class Again:
    """Which machines may be installed once more."""

    def __init__(self, state_dir: Path, macs: Iterable[str]) -> None:
        self._state_dir = state_dir
        for mac in macs:
            ask_again(state_dir, mac)

    def allowed(self, mac: str) -> bool:
        """Whether a machine may."""
        return _file(self._state_dir, mac).exists()

    def spend(self, mac: str) -> None:
        """It does; the word is used up."""
        _file(self._state_dir, mac).unlink(missing_ok=True)


def _file(state_dir: Path, mac: str) -> Path:
    return state_dir / "again" / mac.replace(":", "-")
