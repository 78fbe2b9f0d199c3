"""The partition of a stick that holds kickstarts for many machines: its file system, its place in the table.

All of it is made in files, of which the stick gets the bytes: nothing is mounted, and sfdisk never sees a
disk. The GPT of the ISO stays, with one partition more and its backup at the end of the stick; neither the
boot code of the first sector nor the other partitions change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_installer.datapartition import FOLDER, LABEL

from edgelinux_build.sites import Sites

__all__ = ["TABLE", "Place", "image_size", "make_image", "make_table", "place"]

TABLE = 64 * 512
"""Bytes from the start of an ISO, and before its end, in which its GPT lies (xorriso makes 248 entries)."""

_MIB = 2**20
_SECTOR = 512
_SMALLEST = 16 * _MIB
_CLUSTER = 8192
"""Bytes that a file takes on the file system at most, beyond its own; with room for its long name."""
# Microsoft basic data: what every system takes for a FAT of its own.
_TYPE = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"


@dataclass(frozen=True)
class Place:
    """Where the partition lies on the stick, in bytes."""

    offset: int
    size: int

    @property
    def needed(self) -> int:
        """The size of the smallest stick that has room for it, and for the table's backup."""
        return self.offset + self.size + _MIB


def image_size(sites: Sites) -> int:
    """Give the bytes that the file system needs, in whole MiB."""
    held = sum(len(entry.text.encode()) + _CLUSTER for entry in sites.entries)
    return max(_SMALLEST, -(-2 * held // _MIB) * _MIB)


def place(iso_size: int, size: int) -> Place:
    """Say where the partition goes: behind the ISO, at a whole MiB."""
    return Place(-(-iso_size // _MIB) * _MIB, size)


def make_image(sites: Sites, folder: Path, size: int) -> Path:
    """Make the file system with the kickstarts in `folder`, which others cannot look into."""
    image = folder / "sites.img"
    run(["mkfs.vfat", "-C", "-n", LABEL, image, str(size // 1024)])
    run(["mmd", "-i", image, f"::/{FOLDER}"])
    files: list[str | Path] = []
    for entry in sites.entries:
        file = folder / f"{entry.key}.ks"
        file.write_text(entry.text, encoding="utf-8")
        files.append(file)
    run(["mcopy", "-i", image, *files, f"::/{FOLDER}/"])
    return image


def make_table(iso: Path, iso_size: int, device_size: int, where: Place, head: int, folder: Path) -> Path:
    """Make a sparse file of the stick's size, with its first `head` bytes and its last TABLE bytes.

    The partition gets the first free number; sfdisk(8) moves the table's backup to the end of the stick by
    itself. Raises EdgeLinuxError.
    """
    table = folder / "table.img"
    with iso.open("rb") as source, table.open("wb") as file:
        file.truncate(device_size)
        file.write(source.read(head))
        source.seek(iso_size - TABLE)
        file.seek(iso_size - TABLE)
        file.write(source.read(TABLE))
    added = f"start={where.offset // _SECTOR}, size={where.size // _SECTOR}, type={_TYPE}, name={LABEL}\n"
    argv: list[str | Path] = ["sfdisk", "--append", "--wipe=never", "--wipe-partitions=never", table]
    done = run(argv, stdin=added, check=False)
    if done.returncode == 0:
        done = run(["sfdisk", "--verify", table], check=False)
    if "No errors detected" not in done.stdout:
        problem = "; ".join(line for line in done.stderr.splitlines()[-2:] if line.strip())
        raise EdgeLinuxError(
            f"the partition table of {iso} cannot be extended: {problem or 'sfdisk does not say why'}",
            hint="copy or download it again",
        )
    return table
