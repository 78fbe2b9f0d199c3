"""Kernel modules as they lie in a tree."""

from __future__ import annotations

import lzma
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["unpack_modules"]


def unpack_modules(folder: Path, jobs: int) -> int:
    """Replace every .ko.xz below a folder by the .ko in it; return how many there were.

    The modules' index (depmod) has to be made again afterwards. Raises EdgeLinuxError, naming the file, when
    one is not an xz stream.
    """
    packed = sorted(folder.rglob("*.ko.xz"))
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(_unpack, packed))  # a failure is raised here
    return len(packed)


def _unpack(packed: Path) -> None:
    try:
        content = lzma.decompress(packed.read_bytes())
    except lzma.LZMAError as error:
        raise EdgeLinuxError(f"{packed}: {error}", hint="the kernel package is damaged") from error
    packed.with_suffix("").write_bytes(content)
    packed.unlink()
