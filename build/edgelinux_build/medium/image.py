"""Reads an ISO in its place: nothing is mounted, nothing large is extracted."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_installer.boot_images import Interval, read_el_torito
from edgelinux_installer.medium_check import boot_image_problems, file_problems, parse_sums

from edgelinux_build.medium.files import BIOS_IMAGE, MEDIA_JSON, SUMS
from edgelinux_build.medium.info import MediaInfo

__all__ = ["IsoImage", "is_iso", "open_iso"]

# ISO 9660 (ECMA-119): the primary volume descriptor is in sector 16 of 2048 bytes, "CD001" at its offset 1.
_SECTOR = 2048
_DESCRIPTOR = 16 * _SECTOR
_CHUNK = 4 * 1024**2


@dataclass(frozen=True)
class IsoImage:
    """An edgeLinux ISO, or a disk that it was written to. Paths inside have no leading slash."""

    path: Path
    label: str
    size: int
    """Bytes, as the ISO itself says; a disk may be larger."""
    extents: Mapping[str, Interval]
    """Where each file lies."""
    reports: str
    """What xorriso says of the boot images and of the partition tables (`plain` form)."""

    @cached_property
    def info(self) -> MediaInfo:
        """What the medium says about itself; raises EdgeLinuxError."""
        return MediaInfo.from_json(self.read(MEDIA_JSON).decode("utf-8", "replace"), str(self.path))

    @cached_property
    def sums(self) -> dict[str, str]:
        """The SHA-512 (hex) of its files by name; raises EdgeLinuxError."""
        try:
            return parse_sums(self.read(SUMS).decode("utf-8", "replace"))
        except ValueError as error:
            raise EdgeLinuxError(f"{self.path}: {error}", hint="is the ISO damaged?") from error

    def read(self, name: str) -> bytes:
        """Return a small file's bytes; raises EdgeLinuxError when there is no such file."""
        try:
            return b"".join(self.chunks(name))
        except FileNotFoundError as error:
            raise EdgeLinuxError(f"{self.path} is not an edgeLinux ISO: it has no {name}") from error

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give a file's bytes, some MiB at a time; raises FileNotFoundError and other OSErrors."""
        extent = self.extents.get(name)
        if extent is None:
            raise FileNotFoundError(name)
        with self.path.open("rb", buffering=0) as file:
            yield from _read(file, extent)

    def interval(self, where: Interval) -> bytes:
        """Return bytes that belong to no file, such as the EFI system partition."""
        with self.path.open("rb", buffering=0) as file:
            return b"".join(_read(file, where))

    def first_sector(self) -> bytes:
        """Return the 512 bytes from which BIOS starts a stick."""
        return self.interval(Interval(0, 512))

    def uefi(self) -> Interval:
        """Return where the EFI system partition lies; raises EdgeLinuxError when there is none."""
        with self.path.open("rb") as file:
            found = read_el_torito(file).uefi
        if found is None:
            raise EdgeLinuxError(f"{self.path} does not boot with UEFI", hint="is the ISO damaged?")
        return found

    def problems(self) -> list[str]:
        """Compare everything on the medium with its checksums; one line for each thing that differs."""
        found = list(file_problems(self.sums, self.chunks))
        with self.path.open("rb") as file:
            boot = self.info.boot.model_dump()
            return [*found, *boot_image_problems(boot, file, self.read(BIOS_IMAGE))]


def is_iso(path: Path) -> bool:
    """Whether a file is an ISO 9660 image (a hybrid one too); raises OSError."""
    with path.open("rb") as file:
        return _descriptor(file) is not None


def open_iso(path: Path) -> IsoImage:
    """Look at an ISO; raises EdgeLinuxError when it cannot be read, is cut off, or is not edgeLinux's."""
    try:
        with path.open("rb", buffering=0) as file:
            descriptor, size = _descriptor(file), file.seek(0, os.SEEK_END)
    except OSError as error:
        raise EdgeLinuxError(f"cannot read {path}: {error.strerror}") from error
    if descriptor is None or len(descriptor) < _SECTOR:
        raise EdgeLinuxError(f"{path} is not an ISO")
    should = int.from_bytes(descriptor[80:84], "little") * _SECTOR
    if size < should:
        raise EdgeLinuxError(
            f"{path} is cut off: it has {size} of {should} bytes", hint="copy or download it again"
        )
    argv: list[str | Path] = ["xorriso", "-no_rc", "-indev", f"stdio:{path.resolve()}"]
    argv += ["-report_el_torito", "plain", "-report_system_area", "plain"]
    said = run([*argv, "-find", "/", "-type", "f", "-exec", "report_lba", "--"]).stdout
    image = IsoImage(
        path, descriptor[40:72].decode("ascii", "replace").rstrip(), should, _extents(said), said
    )
    if image.info.label != image.label:
        raise EdgeLinuxError(
            f"{path} calls itself {image.info.label}, but its volume label is {image.label}",
            hint="the system on it would not find it: build it again",
        )
    return image


def _descriptor(file: io.RawIOBase | io.BufferedReader) -> bytes | None:
    file.seek(_DESCRIPTOR)
    found = file.read(_SECTOR) or b""
    return found if found[1:6] == b"CD001" else None


def _read(file: io.FileIO, where: Interval) -> Iterator[bytes]:
    file.seek(where.offset)
    left = where.size
    while left and (chunk := file.read(min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk


def _extents(report: str) -> dict[str, Interval]:
    """Read xorriso's report_lba: extent, first sector, sectors, bytes, path as a shell would have it."""
    rows = re.findall(r"^File data lba: +0 , *(\d+) , *\d+ , *(\d+) , (.*)$", report, re.M)
    return {
        shlex.split(path)[0].lstrip("/"): Interval(int(start) * _SECTOR, int(size))
        for start, size, path in rows
    }
