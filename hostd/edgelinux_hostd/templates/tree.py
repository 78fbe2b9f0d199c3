"""What lies in a template's dataset: emptied, filled, and checked before anything trusts it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.antlets import spec as antlet_file
from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.run import run
from edgelinux_hostd.templates import paths, render, template_file
from edgelinux_hostd.templates.sources import Source, check_members, detect, image_size, members

__all__ = ["check", "convert", "copy", "empty", "settle", "unpack"]


def empty(directory: Path) -> None:
    """Remove all that is in a dataset's directory."""
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def unpack(tarball: Path, directory: Path) -> None:
    """Unpack a root into rootfs/, with owners by number, attributes and access lists."""
    check_members(members(tarball), tarball.name)
    root = directory / "rootfs"
    root.mkdir(mode=0o755)
    exact = (
        "--numeric-owner",
        "--same-owner",
        "--same-permissions",
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
    )
    run(["tar", "--extract", *exact, "--file", tarball, "--directory", root])
    _drop_devices(root)


def convert(source: Source, file: Path) -> None:
    """Make a raw sparse file of a disk image."""
    file.parent.mkdir(mode=0o711, exist_ok=True)
    if source.image == "raw.zst":
        run(["zstd", "--decompress", "--quiet", "--force", "--sparse", source.path, "-o", file])
    else:
        image_size(source)
        run(["qemu-img", "convert", "-f", source.image, "-O", "raw", "-S", "4k", source.path, file])
    file.chmod(0o600)


def copy(origin: Path, directory: Path, kind: Kind) -> None:
    """Copy a stopped antlet's root or disks; blocks are shared where ZFS can."""
    part = "rootfs" if kind == "lxc" else "disks"
    if (origin / part).is_symlink() or not (origin / part).is_dir():
        raise InvalidError(f"{origin} has no {part}/")
    run(["cp", "--archive", "--sparse=auto", "--reflink=auto", origin / part, directory])
    if kind == "lxc":
        _drop_devices(directory / "rootfs")


def _drop_devices(root: Path) -> None:
    """Remove device nodes: a container's /dev is made when it starts, and nodes on disk are the host's."""
    run(["find", root, "-xdev", "(", "-type", "b", "-o", "-type", "c", ")", "-delete"])


def settle(directory: Path, kind: Kind, images: Sequence[str]) -> None:
    """Bring what was received into order: old antlets' datasets are the root itself, or hold qcow2 files.

    `images` are the names of the disks that the template's XML has.
    """
    (directory / antlet_file.FILE).unlink(missing_ok=True)
    part = directory / ("rootfs" if kind == "lxc" else "disks")
    if part.is_symlink():
        raise RefusedError(f"{part} in the stream is a link", hint="it must be a directory")
    if part.exists():
        if kind == "lxc":
            _drop_devices(part)
        return
    part.mkdir(mode=0o755 if kind == "lxc" else 0o711)
    for entry in sorted(directory.iterdir()):
        if entry == part or entry.name in (render.FILE, template_file.FILE):
            continue
        if kind == "lxc":
            entry.rename(part / entry.name)
            continue
        new = paths.disk("x", entry.name).rpartition("/")[2]
        if new in images and entry.is_file() and not entry.is_symlink():
            convert(detect(entry), part / new)
            entry.unlink()
    if kind == "lxc":
        _drop_devices(part)


def check(directory: Path, kind: Kind, images: Sequence[str] = ()) -> None:
    """Check that a dataset holds what its kind needs, and no link where a program of the host's would follow.

    `images` are the names of the disks that the XML has, all of which must be there. Raises RefusedError and
    InvalidError.
    """
    part = directory / ("rootfs" if kind == "lxc" else "disks")
    files = [directory / render.FILE, directory / template_file.FILE, directory / antlet_file.FILE]
    disks = sorted(part.iterdir()) if kind == "kvm" and part.is_dir() and not part.is_symlink() else []
    links = tuple(path.name for path in (part, *files, *disks) if path.is_symlink())
    if links:
        raise RefusedError(f"{links[0]} in {directory} is a link", hint="it must not be", items=links)
    if not part.is_dir():
        raise InvalidError(f"{directory} has no {part.name}/")
    odd = tuple(path.name for path in disks if not path.is_file())
    if odd:
        raise RefusedError(f"{odd[0]} in {part} is no plain file", items=odd)
    missing = [name for name in images if not (part / name).is_file()]
    if missing:
        raise InvalidError(
            f"there is no disk {missing[0]} in {part}",
            hint=f"the template's XML has it; there is {', '.join(path.name for path in disks) or 'none'}",
        )
