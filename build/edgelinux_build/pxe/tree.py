"""Lays out what machines boot from over the network, from an ISO alone. Needs no root, no cache."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_build.failures import NO_SPACE, free_bytes
from edgelinux_build.medium.files import (
    GRUB_CFG,
    GRUB_MODULES,
    KICKSTART,
    MEDIA_JSON,
    NET_BIOS,
    NET_GRUB,
    SQUASHFS,
    SUMS,
    render_sums,
    sha512,
)
from edgelinux_build.medium.image import IsoImage, open_iso
from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.pxe import layout
from edgelinux_build.pxe.configs import StaticBoot, check_url, static_grub_cfg, static_ipxe
from edgelinux_build.rights import make_directory

__all__ = ["make_tree"]

_USAGE = 2
# What only a medium boots with; the kickstart may hold secrets, and a tree is read by whoever asks.
_LEFT_OUT = (GRUB_CFG, NET_GRUB, NET_BIOS, KICKSTART, ".disk/info")


def make_tree(
    iso: Path,
    out: Path,
    *,
    url: str = "",
    ks: str = "",
    with_kickstart: bool = False,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> MediaInfo:
    """Write the tree of an ISO to the directory `out`, whole or not at all.

    With a `url`, at which a web server will have it, complete menus are in it. Their installation takes the
    kickstart `ks` (URL) or, `with_kickstart`, that of the ISO, which then is in the tree for anybody to read.
    Without, `edgelinux pxe serve` writes its own. `force` replaces an older tree, and nothing else.
    `progress` is told bytes.

    Raises EdgeLinuxError: `iso` is no edgeLinux ISO, is cut off, damaged or has no boot loaders for the
    network; `out` has other things in it; there is no room.
    """
    if with_kickstart:
        ks = f"{check_url(url)}/{layout.MEDIUM}/{KICKSTART}"
    image = open_iso(iso)
    if not image.info.net_prefix or NET_GRUB not in image.extents:
        raise EdgeLinuxError(
            f"{iso} has no boot loaders for the network",
            hint="it was made by an older edgelinux: build it again",
        )
    _check_output(out, force)
    names = [name for name in image.sums if _belongs(name, with_kickstart)]
    _check_room(image, names, out)
    with _beside(out) as new:
        copied = _copy(image, names, new / layout.MEDIUM, progress)
        (new / layout.MEDIUM / SUMS).write_text(render_sums(copied), encoding="utf-8")
        _boot_files(image, new)
        if url:
            boot = StaticBoot(image.info.menu, url, image.sums[SQUASHFS], ks)
            for name, text in (
                (layout.grub_cfg(image.info), static_grub_cfg(boot)),
                (layout.IPXE, static_ipxe(boot)),
            ):
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                (new / name).write_text(text, encoding="utf-8")
        _open_to_all(new)
    return image.info


def _belongs(name: str, with_kickstart: bool) -> bool:
    if name == KICKSTART:
        return with_kickstart
    return name not in _LEFT_OUT and not name.startswith(f"{GRUB_MODULES}/")


def _check_output(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise EdgeLinuxError(f"{out} is not a directory", hint="name the tree to write", exit_code=_USAGE)
    if not out.exists() or not any(out.iterdir()):
        return
    if not force:
        raise EdgeLinuxError(
            f"{out} is not empty",
            hint="--force replaces an older tree; or give another name",
            exit_code=_USAGE,
        )
    if not (out / layout.MEDIUM / MEDIA_JSON).is_file():
        raise EdgeLinuxError(
            f"{out} is not a network boot tree, and is not replaced",
            hint="give another name",
            exit_code=_USAGE,
        )


def _check_room(image: IsoImage, names: list[str], out: Path) -> None:
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    needed = sum(image.extents[name].size for name in names if name in image.extents) + 8 * 2**20
    free = free_bytes(there)
    if free < needed:
        raise EdgeLinuxError(
            f"the tree needs {needed / 1e6:.0f} MB in {there}, {free / 1e6:.0f} MB are free",
            hint="free some, or write it elsewhere",
            exit_code=NO_SPACE,
        )


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Give a directory that becomes `out` when all went well, in the place of an older one."""
    out = out.absolute()
    try:
        make_directory(out.parent)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            new, old = Path(folder, "new"), Path(folder, "old")
            new.mkdir()
            yield new
            if out.exists():
                out.rename(old)
            try:
                new.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
    except OSError as error:
        raise EdgeLinuxError(f"cannot write {out}: {error.strerror or error}") from error


def _copy(
    image: IsoImage, names: list[str], to: Path, progress: Callable[[int, int], None]
) -> dict[str, str]:
    """Copy files, comparing each with its checksum on the way; returns the checksums."""
    total, done = sum(image.extents[name].size for name in names if name in image.extents), 0
    for name in names:
        digest = hashlib.sha512()
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            with (to / name).open("wb") as file:
                for chunk in image.chunks(name):
                    digest.update(chunk)
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, total)
        except FileNotFoundError as error:
            raise _damaged(image, f"{name} is missing") from error
        if digest.hexdigest() != image.sums[name]:
            raise _damaged(image, f"{name} is damaged")
    return {name: image.sums[name] for name in names}


def _damaged(image: IsoImage, what: str) -> EdgeLinuxError:
    return EdgeLinuxError(f"{image.path} is damaged: {what}", hint="copy or download it again")


def _boot_files(image: IsoImage, new: Path) -> None:
    """Lay out the boot loaders: GRUB has files of its own, shim lies on the EFI system partition only."""
    for name in layout.BOOT_FILES:
        (new / name).parent.mkdir(parents=True, exist_ok=True)
    esp = image.uefi()
    if sha512(image.interval(esp)) != image.info.boot.uefi:
        raise _damaged(image, "the EFI system partition is damaged")
    at = f"{image.path.resolve()}@@{esp.offset}"
    for name in (layout.SHIM, layout.MOKMANAGER):
        run(["mcopy", "-n", "-i", at, f"::/{name}", new / name])
    for source, name in ((NET_GRUB, layout.GRUB), (NET_BIOS, layout.BIOS)):
        content = image.read(source)
        if sha512(content) != image.sums[source]:
            raise _damaged(image, f"{source} is damaged")
        (new / name).write_bytes(content)


def _open_to_all(new: Path) -> None:
    """Let servers that run under other names read it all, whatever the umask."""
    for path in (new, *new.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
