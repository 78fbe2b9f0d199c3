"""What a template is imported from: telling tarballs, disk images and streams apart, and refusing bad ones.

Formats: qcow2 (QEMU's docs/interop/qcow2.txt), VHDX (MS-VHDX 2.2.1), VMDK (Virtual Disk Format 5.0), streams
(dmu_replay_record in OpenZFS's zfs_ioctl.h).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.run import run

__all__ = ["Format", "Source", "check_members", "detect", "image_size", "members"]

Format = Literal["tar", "image", "zfs"]

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"LZIP")
_ZSTD = b"\x28\xb5\x2f\xfd"
_TAR_NAME = re.compile(r"\.(?:tar(?:\.\w+)?|t[gx]z|tbz2?|tzst)$")
_STREAM = 0x2F5BACBAC
_QCOW2_EXTERNAL_DATA = 1 << 2


@dataclass(frozen=True)
class Source:
    """A file to import from. `image` is the image's format in qemu-img's word, "raw.zst" for a packed one."""

    path: Path
    format: Format
    image: str = ""


def detect(path: Path, format: Format | None = None) -> Source:
    """Tell what a file is by its content. Raises InvalidError, and RefusedError for images that name others.

    `format` is what it must be, when somebody says so.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
            size = path.stat().st_size
    except OSError as error:
        raise InvalidError(f"cannot read {path}: {error.strerror}") from None
    if not path.is_absolute() or size == 0:
        raise InvalidError(f"{path} cannot be imported", hint="an absolute path to a file that is not empty")
    source = Source(path, *_tell(path, head))
    if format is not None and format != source.format:
        raise InvalidError(f"{path} is not a {format}", hint=f"it looks like a {source.format}")
    return source


def _tell(path: Path, head: bytes) -> tuple[Format, str]:
    if _STREAM in (int.from_bytes(head[8:16], "little"), int.from_bytes(head[8:16], "big")):
        return "zfs", ""
    if head[257:262] == b"ustar":
        return "tar", ""
    if head.startswith(_COMPRESSED):
        if _TAR_NAME.search(path.name):
            return "tar", ""
        if head.startswith(_ZSTD):
            return "image", "raw.zst"
        raise InvalidError(
            f"{path} is compressed and not a tarball by its name", hint="decompress it, or call it .tar.…"
        )
    if head.startswith(b"QFI\xfb"):
        _check_qcow2(path, head)
        return "image", "qcow2"
    if head.startswith(b"vhdxfile"):
        return "image", "vhdx"
    if head.startswith(b"KDMV"):
        return "image", "vmdk"
    if head.startswith(b"# Disk DescriptorFile"):
        raise RefusedError(f"{path} only names the files that hold its data", hint="export it as one file")
    if path.stat().st_size % 512:
        raise InvalidError(f"{path} is no tarball, disk image or zfs stream that is known here")
    return "image", "raw"


def _check_qcow2(path: Path, head: bytes) -> None:
    """Refuse an image that names other files, before any program opens it."""
    version, backing = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:16], "big")
    if backing:
        raise RefusedError(
            f"{path} is based on another file", hint="`qemu-img convert` makes a whole image of it"
        )
    if version >= 3 and int.from_bytes(head[72:80], "big") & _QCOW2_EXTERNAL_DATA:
        raise RefusedError(
            f"{path} keeps its data in another file", hint="`qemu-img convert` makes a whole image of it"
        )


def image_size(source: Source) -> int:
    """Give an image's size as its guest sees it, in bytes. Raises EdgeLinuxError and its kin."""
    if source.image == "raw.zst":
        return 0
    described = run(["qemu-img", "info", "--output=json", "-f", source.image, source.path]).stdout
    found = json.loads(described)
    data = found.get("format-specific", {}).get("data", {})
    others = [found.get("backing-filename"), found.get("full-backing-filename"), data.get("data-file")]
    extents = [extent.get("filename") for extent in data.get("extents", [])]
    others += [name for name in extents if name != str(source.path)]
    named = [str(name) for name in others if name]
    if named:
        raise RefusedError(
            f"{source.path} refers to another file",
            hint="`qemu-img convert` makes a whole image of it",
            items=named,
        )
    if found.get("encrypted"):
        raise RefusedError(f"{source.path} is encrypted", hint="decrypt it with `qemu-img convert`")
    return int(found["virtual-size"])


def members(path: Path) -> tuple[str, ...]:
    """List a tarball's members. Raises CommandError for what is no tarball."""
    listed = run(["tar", "--list", "--absolute-names", "--quoting-style=escape", "--file", path]).stdout
    return tuple(listed.splitlines())


def check_members(names: tuple[str, ...], where: str) -> None:
    """Check that a tarball holds a root and nothing that leaves it; raises RefusedError and InvalidError."""
    bad = tuple(name for name in names if name.startswith("/") or ".." in name.split("/"))
    if bad:
        raise RefusedError(
            f"{where} has members outside the directory it is unpacked in: {bad[0]}",
            hint="make it anew with `tar --directory ROOT .`",
            items=bad,
        )
    tops = {name.removeprefix("./").partition("/")[0] for name in names}
    if not tops & {"etc", "usr", "bin", "sbin"}:
        raise InvalidError(f"{where} holds no root", hint="etc/, usr/ and the rest lie at its top")
