"""A stick's partition with kickstarts for many machines, as `edgelinux usb write --sites` makes it.

It is a FAT with the partition name LABEL; FOLDER in it has a file `<key>.ks` for each machine, by the keys of
edgelinux_installer.identity. It is read with mtools, and never mounted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.identity import DEFAULT_KEY, Identity, this_machine
from edgelinux_installer.medium_check import disk_of

__all__ = ["FOLDER", "LABEL", "SiteKickstart", "find_kickstart", "find_partition", "take_kickstart"]

LABEL = "EDGELINUXKS"
FOLDER = "sites"

_RUN = Path("/run/edgelinux")
_BLOCKS = Path("/sys/class/block")
_MOUNTINFO = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class SiteKickstart:
    """The kickstart on a stick that is meant for this machine."""

    path: Path
    """A copy of it that only root can read."""
    key: str
    """What it was found by."""
    partition: Path

    def __str__(self) -> str:
        """Say for a person which it is, and by what it was taken."""
        kind = self.key.partition("-")[0]
        by = {
            "uuid": "this machine's UUID",
            "serial": "this machine's serial number",
            DEFAULT_KEY: "any machine that has none of its own",
        }.get(kind, "this machine's MAC address")
        return f"{FOLDER}/{self.key}.ks on the stick ({self.partition}), for {by}"


def find_kickstart(
    medium: Path, *, identity: Identity | None = None, run_dir: Path = _RUN
) -> SiteKickstart | None:
    """Find this machine's kickstart on the disk that the medium mounted at `medium` is on, and on no other.

    None: it was not started from a stick with sites, or the stick has none for this machine. Raises
    EdgeLinuxError when there is such a partition and it cannot be read.
    """
    disk = disk_of(_MOUNTINFO.read_text(encoding="utf-8"), medium)
    partition = find_partition(disk) if disk is not None else None
    if partition is None:
        return None
    return take_kickstart(partition, identity or this_machine(), run_dir)


def find_partition(disk: Path, blocks: Path = _BLOCKS) -> Path | None:
    """Find the partition for sites among those of a disk, by the name that the GPT gives it."""
    for entry in sorted((blocks / disk.name).glob(f"{disk.name}*/uevent")):
        words = dict(line.partition("=")[::2] for line in entry.read_text(encoding="utf-8").splitlines())
        if words.get("PARTNAME") == LABEL:
            return disk.with_name(words.get("DEVNAME", entry.parent.name))
    return None


def take_kickstart(partition: Path, identity: Identity, run_dir: Path = _RUN) -> SiteKickstart | None:
    """Copy what is meant for a machine out of a partition, or a file with such a file system.

    None: nothing is. Raises EdgeLinuxError when it cannot be read.
    """
    try:
        names = run(["mdir", "-b", "-i", partition, f"::/{FOLDER}"]).stdout.splitlines()
        there = {match[1] for name in names if (match := re.search(r"/([^/]+)\.ks$", name))}
        key = next((key for key in identity.keys if key in there), None)
        if key is None:
            return None
        run_dir.mkdir(parents=True, exist_ok=True)
        copy = run_dir / f"{key}.ks"
        copy.unlink(missing_ok=True)
        # It holds password hashes.
        copy.touch(mode=0o600)
        run(["mcopy", "-n", "-o", "-i", partition, f"::/{FOLDER}/{key}.ks", copy])
    except EdgeLinuxError as error:
        raise EdgeLinuxError(
            f"the kickstarts on the stick ({partition}) cannot be read: {error.message}",
            hint="write the stick again, or give another kickstart with inst.ks=",
        ) from error
    return SiteKickstart(copy, key, partition)
