"""A tree to boot from, as far as a web server cares: of small files that stand for the real ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.unit.build.fakes import make_info

__all__ = ["SQUASHFS", "make_tree"]

SQUASHFS = bytes(range(256)) * 8192
"""2 MiB."""


def make_tree(directory: Path, squashfs: bytes = SQUASHFS) -> Path:
    """What `edgelinux pxe tree` makes, as far as the web server cares."""
    info = make_info()
    files = {
        "medium/live/edgelinux.squashfs": squashfs,
        "medium/live/SHA512SUMS": f"{hashlib.sha512(squashfs).hexdigest()}  edgelinux.squashfs\n".encode(),
        "medium/edgelinux/media.json": info.to_json().encode(),
        "medium/edgelinux/ks.cfg": b"rootpw --iscrypted $6$secret\n",
        "medium/boot/vmlinuz": b"kernel" * 1000,
        "medium/boot/initramfs.img": b"initramfs" * 1000,
        "grub/x86_64-efi/core.efi": b"MZ",
    }
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory
