"""Partitions, for real; pool and datasets, as exact command lines."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd import layout
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from tests.unit.build.loops import attached, needs_loops

GIB = 1024**3
PARTITIONS = [
    ("21686148-6449-6E6F-744E-656564454649", "edgelinux-bios"),
    ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "edgelinux-esp"),
    ("6A898CC3-1DD2-11B2-99A6-080020736631", "edgelinux-zfs"),
]
needs_sfdisk = pytest.mark.skipif(not shutil.which("sfdisk"), reason="needs sfdisk")


def blank(folder: Path, size: int) -> Path:
    disk = folder / "disk.img"
    disk.touch()
    os.truncate(disk, size)
    return disk


def partitioned(disk: Path, size: int, sector: int, guids: dict[int, str] | None = None) -> dict[str, Any]:
    """Partition a disk as the installer does, and give what sfdisk then reads from it."""
    run(layout.partition_argv(str(disk)), stdin=layout.partition_table(size, sector, guids))
    found: dict[str, Any] = json.loads(run(["sfdisk", "--json", disk]).stdout)["partitiontable"]
    assert found["label"] == "gpt"
    assert [(one["type"], one["name"]) for one in found["partitions"]] == PARTITIONS
    return found


def places(table: dict[str, Any]) -> list[tuple[int, int]]:
    return [(one["start"], one["size"]) for one in table["partitions"]]


@needs_sfdisk
@pytest.mark.parametrize(
    ("sectors", "usable", "zfs"),
    [
        (16777216, 16777182, 14659551),
        (25165825, 25165791, 23048160),
        (25166016, 25165982, 23048351),
        (7814037168, 7814037134, 7811919503),
    ],
)
def test_partitions_of_sectors_of_512_bytes(sectors: int, usable: int, zfs: int, tmp_path: Path) -> None:
    """The numbers are those of `sgdisk --new=3:0:-8M`, with which the first hosts were partitioned."""
    disk = blank(tmp_path, sectors * 512)
    table = partitioned(disk, sectors * 512, 512)
    assert (table["firstlba"], table["lastlba"]) == (34, usable)
    assert places(table) == [(2048, 2048), (4096, 2097152), (2101248, zfs)]


@needs_sfdisk
@needs_loops
@pytest.mark.parametrize(
    ("sectors", "usable", "zfs"), [(3145728, 3145722, 2881019), (3145729, 3145723, 2881020)]
)
def test_partitions_of_sectors_of_4096_bytes(sectors: int, usable: int, zfs: int, tmp_path: Path) -> None:
    with attached(tmp_path / "disk.img", sectors * 4096, "--sector-size", "4096") as disk:
        table = partitioned(disk.device, sectors * 4096, 4096)
    assert table["sectorsize"] == 4096
    assert (table["firstlba"], table["lastlba"]) == (6, usable)
    assert places(table) == [(256, 256), (512, 262144), (262656, zfs)]


@needs_sfdisk
def test_partitions_have_the_guids_that_they_are_given(tmp_path: Path) -> None:
    disk = blank(tmp_path, 8 * GIB)
    esp, pool = str(uuid.uuid4()), str(uuid.uuid4())
    table = partitioned(disk, 8 * GIB, 512, {layout.ESP: esp, layout.ZFS: pool})
    first, *others = [one["uuid"].lower() for one in table["partitions"]]
    assert others == [esp, pool]
    again = partitioned(disk, 8 * GIB, 512)
    assert not {first, esp, pool} & {one["uuid"].lower() for one in again["partitions"]}
    assert again["id"] != table["id"]


@needs_sfdisk
@pytest.mark.parametrize("damaged", [(520,), (8 * GIB - 500,), (520, 8 * GIB - 500), (1024 + 130,)])
def test_what_was_on_the_disk_does_not_matter(damaged: tuple[int, ...], tmp_path: Path) -> None:
    """A damaged GPT of another system, its boot code, and a file system where the ESP comes to lie."""
    disk, other = blank(tmp_path, 8 * GIB), tmp_path / "other.img"
    run(["sfdisk", disk], stdin="label: gpt\nsize=3MiB\nsize=1GiB\nsize=1GiB\nsize=1GiB\n")
    run(["mkfs.vfat", "-C", other, "2048"])
    with disk.open("r+b") as file:
        file.write(b"boot code")
        for offset in damaged:
            file.seek(offset)
            file.write(b"\xff\xff")
        file.seek(4096 * 512)
        file.write(other.read_bytes())
    assert places(partitioned(disk, 8 * GIB, 512))[1:] == [(4096, 2097152), (2101248, 14659551)]
    with disk.open("rb") as file:
        assert file.read(9) == bytes(9)
    found = run(["blkid", "--probe", "--offset", str(4096 * 512), "--size", str(GIB), disk], check=False)
    assert (found.returncode, found.stdout) == (2, "")


def test_wiping_goes_from_the_partitions_to_the_disk() -> None:
    wiped = [argv[-1] for argv in layout.wipe_argvs("/dev/vda", ["/dev/vda1", "/dev/vda2"])]
    assert wiped == ["/dev/vda1", "/dev/vda2", "/dev/vda"]


def test_esp() -> None:
    assert layout.esp_format_argv("/dev/vda2") == ["mkfs.vfat", "-F", "32", "-n", "EDGELINUX", "/dev/vda2"]


def test_mirror() -> None:
    argv = layout.pool_create_argv("antlets", "mirror", ["/dev/vda3", "/dev/vdb3"], "/mnt")
    assert argv[:7] == ["zpool", "create", "-f", "-R", "/mnt", "-o", "cachefile=none"]
    assert argv[-4:] == ["antlets", "mirror", "/dev/vda3", "/dev/vdb3"]
    pool = {argv[n + 1] for n, word in enumerate(argv) if word == "-o"}
    root = {argv[n + 1] for n, word in enumerate(argv) if word == "-O"}
    assert {"ashift=12", "compatibility=openzfs-2.2-linux"} <= pool
    own = layout.pool_create_argv("antlets", "single", ["a"], "/mnt", properties={"failmode": "continue"})
    assert "failmode=continue" in own
    assert root == {
        "compression=lz4",
        "acltype=posixacl",
        "xattr=sa",
        "atime=off",
        "direct=disabled",
        "canmount=off",
        "mountpoint=/antlets",
    }


def test_single() -> None:
    assert layout.pool_create_argv("antlets", "single", ["/dev/vda3"], "/mnt")[-2:] == [
        "antlets",
        "/dev/vda3",
    ]


@pytest.mark.parametrize(
    ("kind", "parts"), [("mirror", ["a"]), ("single", ["a", "b"]), ("single", []), ("raidz", ["a"])]
)
def test_impossible_pools(kind: layout.Layout, parts: list[str]) -> None:
    with pytest.raises(EdgeLinuxError, match="pool"):
        layout.pool_create_argv("antlets", kind, parts, "/mnt")


def test_datasets_parents_first() -> None:
    found = {dataset.name: dict(dataset.properties) for dataset in layout.datasets("2.1.0")}
    assert list(found) == [
        "ROOT",
        "ROOT/2.1.0",
        "STATE",
        "STATE/log",
        "STATE/libvirt",
        "STATE/edgelinux",
        "STATE/home",
        "STATE/root",
        "TEMPLATES",
    ]
    assert found["ROOT/2.1.0"] == {"canmount": "noauto", "mountpoint": "/", "reservation": "2G"}
    assert found["STATE/log"] == {"mountpoint": "legacy"}
    assert found["TEMPLATES"] == {"canmount": "off"}


def test_every_state_dataset_is_made_and_mounted() -> None:
    made = {dataset.name for dataset in layout.datasets("1")}
    assert set(layout.state_mounts()) == {name for name in made if name.startswith("STATE/")}


def test_dataset_argv() -> None:
    dataset = layout.Dataset("ROOT", {"canmount": "off", "mountpoint": "none"})
    assert layout.dataset_argv("antlets", dataset) == [
        *["zfs", "create", "-u", "-o", "canmount=off", "-o", "mountpoint=none", "antlets/ROOT"]
    ]


@pytest.mark.parametrize("version", ["", "2/1", "@now", "-v", "2 1"])
def test_what_cannot_name_a_boot_environment(version: str) -> None:
    with pytest.raises(EdgeLinuxError, match="boot environment"):
        layout.datasets(version)
