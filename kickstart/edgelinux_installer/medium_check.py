"""Is a medium as it was made? Its files are held against SHA512SUMS, its boot images against media.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.boot_images import bios_digest, mbr_digest, read_el_torito, uefi_digest

__all__ = [
    "BIOS_IMAGE",
    "MEDIA_JSON",
    "SUMS",
    "boot_image_problems",
    "check_fetched",
    "check_medium",
    "chunks",
    "disk_of",
    "file_problems",
    "parse_sums",
    "verdict",
]

SUMS = "SHA512SUMS"
MEDIA_JSON = "edgelinux/media.json"
BIOS_IMAGE = "boot/grub/eltorito.img"
_CHUNK = 4 * 1024**2
_NAMED = 3
_WRITE_AGAIN = "write the medium again"
_FETCH_AGAIN = "look at the server's files, and restart"


def check_medium(medium: Path, say: Callable[[str], None]) -> str:
    """Check the mounted medium that this system was started from.

    Returns the result in one line; raises EdgeLinuxError, as one line, when something is damaged.
    """
    if not (medium / MEDIA_JSON).is_file():
        raise EdgeLinuxError(
            f"MEDIUM DAMAGED: there is no {MEDIA_JSON} in {medium}",
            hint="is a medium there, and is it whole?",
        )
    reading = SUMS
    try:
        sums = parse_sums((medium / SUMS).read_text(encoding="utf-8"))
        reading = MEDIA_JSON
        media = json.loads((medium / MEDIA_JSON).read_text(encoding="utf-8"))
        label = str(media["label"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError(
            f"MEDIUM DAMAGED: {reading} cannot be read ({error})", hint=_WRITE_AGAIN
        ) from error
    size = sum((medium / name).stat().st_size for name in sums if (medium / name).is_file())
    say(f"Checking the medium {label}: {len(sums)} files, {size / 1e6:.0f} MB")
    problems = list(file_problems(sums, lambda name: chunks(medium / name)))
    if not problems:
        problems = list(_boot_problems(medium, media))
    return verdict(media, len(sums), problems)


def check_fetched(medium: Path, say: Callable[[str], None], *, url: str) -> str:
    """Check what was fetched from a medium's base URL: of such a medium not everything is here.

    Returns the result in one line; raises EdgeLinuxError, as one line, when something is damaged.
    """
    try:
        if (medium / SUMS).is_file():
            sums = parse_sums((medium / SUMS).read_text(encoding="utf-8"))
        else:
            listed = parse_sums((medium / "live" / SUMS).read_text(encoding="utf-8"))
            sums = {f"live/{name}": digest for name, digest in listed.items()}
    except (OSError, ValueError) as error:
        raise EdgeLinuxError(
            f"MEDIUM DAMAGED: the checksums from {url} cannot be read ({error})", hint=_FETCH_AGAIN
        ) from error
    here = {name: digest for name, digest in sums.items() if (medium / name).is_file()}
    say(f"Checking what was fetched from {url}: {len(here)} of {len(sums)} files")
    problems = list(file_problems(here, lambda name: chunks(medium / name)))
    if problems:
        raise EdgeLinuxError(f"MEDIUM DAMAGED: {', '.join(problems[:_NAMED])}", hint=_FETCH_AGAIN)
    return f"MEDIUM OK: {url}, {len(here)} files that were fetched are as they were made"


def verdict(media: Mapping[str, Any], files: int, problems: list[str]) -> str:
    """Put a result into one line; raises EdgeLinuxError with it when there are problems."""
    if problems:
        more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise EdgeLinuxError(
            f"MEDIUM DAMAGED: {', '.join(problems[:_NAMED])}{more}",
            hint=_WRITE_AGAIN,
        )
    images = len(media.get("boot") or {})
    return f"MEDIUM OK: {media['label']}, {files} files and {images} boot images are as they were made"


def parse_sums(text: str) -> dict[str, str]:
    """Map the names in a list as sha512sum(1) writes it to their checksums; raises ValueError."""
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.fullmatch(r"([0-9a-f]{128}) [ *](\S.*)", line)
        if not match:
            raise ValueError(f"{SUMS}:{number}: not a checksum and a name")
        found[match[2]] = match[1]
    if not found:
        raise ValueError(f"{SUMS} is empty")
    return found


def file_problems(sums: Mapping[str, str], chunks: Callable[[str], Iterable[bytes]]) -> Iterator[str]:
    """Say what is wrong with each file in the list; `chunks` gives a file's bytes, or raises OSError."""
    for name, expected in sums.items():
        digest = hashlib.sha512()
        try:
            for chunk in chunks(name):
                digest.update(chunk)
        except FileNotFoundError:
            yield f"{name} is missing"
        except OSError as error:
            yield f"{name} cannot be read ({error.strerror or error})"
        else:
            if digest.hexdigest() != expected:
                yield f"{name} is damaged"


def boot_image_problems(boot: Mapping[str, str], medium: BinaryIO, bios_image: bytes) -> Iterator[str]:
    """Say what is wrong with the boot images; `medium` is the ISO, or the disk that it was written to."""
    medium.seek(0)
    if mbr_digest(medium.read(512)) != boot["mbr"]:
        yield "the BIOS boot code in the first sector is damaged"
    if bios_digest(bios_image) != boot["bios"]:
        yield f"{BIOS_IMAGE} is damaged"
    try:
        where = read_el_torito(medium).uefi
        if where is None or uefi_digest(medium, where) != boot["uefi"]:
            yield "the EFI system partition is damaged"
    except EdgeLinuxError as error:
        yield error.message


def disk_of(mountinfo: str, mount_point: Path, blocks: Path = Path("/sys/class/block")) -> Path | None:
    """Find the disk that a mounted file system lies on, from /proc/self/mountinfo (proc_pid_mountinfo(5)).

    A disk, even when what is mounted is a partition of it; None when nothing of a disk is mounted there.
    """
    source = ""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        if fields.split()[4:5] == [str(mount_point)] and len(rest.split()) > 1:
            source = rest.split()[1]
    device = Path(source).resolve()
    entry = blocks / device.name
    if not source.startswith("/dev/") or not entry.exists():
        return None
    # The entry of a partition is a link that leads through that of its disk.
    return device.with_name(entry.resolve().parent.name) if (entry / "partition").exists() else device


def _boot_problems(medium: Path, media: Mapping[str, Any]) -> Iterator[str]:
    disk = disk_of(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), medium)
    if disk is None:
        yield f"the disk of {medium} cannot be found, so its boot images were not checked"
        return
    try:
        with disk.open("rb") as device:
            yield from boot_image_problems(media["boot"], device, (medium / BIOS_IMAGE).read_bytes())
    except (OSError, KeyError, TypeError) as error:
        yield f"the boot images cannot be read ({error})"


def chunks(path: Path) -> Iterator[bytes]:
    """Give a file's bytes, some MiB at a time; raises OSError."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
