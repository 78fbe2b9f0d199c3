"""Which files lie on an ESP, in which order they are written, and how one is written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.grubcfg import BootEntry, boot_directory, render_grub_cfg, render_stub
from edgelinux_hostd.image import ImageInfo

__all__ = [
    "GRUB_CFG",
    "REMOVABLE",
    "Write",
    "activation_files",
    "apply",
    "boot_files",
    "efi_loader",
    "loader_files",
    "marker_file",
    "stale",
]

GRUB_CFG = "edgelinux/grub.cfg"
REMOVABLE = "EFI/BOOT"
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Write:
    """A file that belongs on the ESP: its path there, and the file it is a copy of or its text."""

    target: str
    content: Path | str


def boot_files(image: ImageInfo, entry: BootEntry, root: Path) -> list[Write]:
    """Plan kernel and initramfs of a boot environment; with these alone nothing is bootable."""
    directory = boot_directory(entry.version)
    return [
        Write(f"{directory}/vmlinuz", _inside(root, image.kernel_path)),
        Write(f"{directory}/initramfs.img", _inside(root, image.initramfs_path)),
    ]


def loader_files(image: ImageInfo, root: Path, grub_dir: str) -> list[Write]:
    """Plan what nothing starts by itself: GRUB, and stubs that lead it to the menu.

    `grub_dir` is the name that grub-install gives its directory (grub or grub2).
    """
    boot = image.boot
    prefix = boot.grub_efi_prefix.strip("/")
    stub = render_stub()
    grub, mok = _inside(root, boot.grub_efi), _inside(root, boot.mokmanager)
    return [
        Write(f"{prefix}/grubx64.efi", grub),
        Write(f"{prefix}/mmx64.efi", mok),
        Write(f"{REMOVABLE}/grubx64.efi", grub),
        Write(f"{REMOVABLE}/mmx64.efi", mok),
        # Some GRUBs look beside themselves before they look at their prefix.
        *(
            Write(f"{directory}/grub.cfg", stub)
            for directory in dict.fromkeys((prefix, REMOVABLE, f"edgelinux/{grub_dir}"))
        ),
    ]


def activation_files(image: ImageInfo, entries: Sequence[BootEntry], root: Path) -> list[Write]:
    """Plan what makes a disk boot: the menu, after all that it names, and last what firmware itself starts.

    Stopped anywhere before the end, a new disk does not boot, and an old one boots as before.
    """
    shim = _inside(root, image.boot.shim)
    return [
        Write(GRUB_CFG, render_grub_cfg(entries)),
        Write(efi_loader(image).replace("\\", "/").strip("/"), shim),
        Write(f"{REMOVABLE}/BOOTX64.EFI", shim),
    ]


def efi_loader(image: ImageInfo) -> str:
    """Give the loader for a UEFI boot entry, as firmware writes paths."""
    return f"{image.boot.grub_efi_prefix}/shimx64.efi".replace("/", "\\")


def marker_file(label: str) -> Write:
    """Plan the file by which an installation medium knows that it has finished with this disk.

    Raises EdgeLinuxError.
    """
    if not label or "/" in label or label.startswith("."):
        raise EdgeLinuxError(f"{label!r} is not the label of a medium")
    return Write(f"edgelinux/installed/{label}", f"{label}\n")


def stale(writes: Iterable[Write], mountpoint: Path) -> list[Write]:
    """Keep the writes whose file is absent or differs, in order."""
    return [write for write in writes if not _same(write.content, mountpoint / write.target)]


def apply(writes: Iterable[Write], mountpoint: Path) -> list[str]:
    """Write files in order, each whole or not at all and flushed before the next; list what changed.

    Raises EdgeLinuxError.
    """
    changed = []
    for write in writes:
        target = mountpoint / write.target
        if _same(write.content, target):
            continue
        try:
            _replace(write.content, target)
        except OSError as error:
            raise EdgeLinuxError(f"cannot write {write.target} to the ESP: {error.strerror}") from error
        changed.append(write.target)
    return changed


def _replace(content: Path | str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".new")
    try:
        with fresh.open("wb") as out:
            if isinstance(content, str):
                out.write(content.encode())
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, out, _CHUNK)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(target)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _same(content: Path | str, target: Path) -> bool:
    if not target.is_file():
        return False
    if isinstance(content, str):
        return target.read_bytes() == content.encode()
    if not content.is_file() or content.stat().st_size != target.stat().st_size:
        return False
    with content.open("rb") as ours, target.open("rb") as theirs:
        while chunk := ours.read(_CHUNK):
            if chunk != theirs.read(_CHUNK):
                return False
    return True


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
