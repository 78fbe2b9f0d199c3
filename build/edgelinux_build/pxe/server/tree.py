"""The directory that `edgelinux pxe tree` made, as the server needs to know it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.medium_check import parse_sums

from edgelinux_build.medium.files import KICKSTART, MEDIA_JSON, SQUASHFS, SQUASHFS_SUMS
from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.pxe.layout import MEDIUM

__all__ = ["HIDDEN", "Tree", "read_tree"]

HIDDEN = frozenset({f"{MEDIUM}/{KICKSTART}"})
"""Served to nobody: the medium's own kickstart may have secrets."""


@dataclass(frozen=True)
class Tree:
    """What machines boot: the medium's description, and the SHA-512 (hex) of its squashfs."""

    directory: Path
    info: MediaInfo
    sha512: str


def read_tree(directory: Path) -> Tree:
    """Read what the second stage of a boot needs; raises EdgeLinuxError."""
    medium = directory / MEDIUM
    try:
        info = MediaInfo.from_json((medium / MEDIA_JSON).read_text(encoding="utf-8"), str(directory))
        sums = parse_sums((medium / SQUASHFS_SUMS).read_text(encoding="utf-8"))
        (sha512,) = sums.values()
        (medium / SQUASHFS).stat()
    except OSError as error:
        raise EdgeLinuxError(
            f"{directory} is not a network boot tree: cannot read {error.filename}: {error.strerror}",
            hint="`edgelinux pxe tree` makes one of an ISO",
        ) from error
    except ValueError as error:
        raise EdgeLinuxError(
            f"{directory} is damaged: {medium / SQUASHFS_SUMS} is not the checksum of one file",
            hint="make it anew with `edgelinux pxe tree`",
        ) from error
    return Tree(directory, info, sha512)
