"""Partitions, pool and datasets, as exact command lines."""

from __future__ import annotations

import pytest
from edgelinux_hostd import layout
from edgelinux_hostd.errors import EdgeLinuxError


def test_partitions() -> None:
    assert layout.partition_argv("/dev/vda") == [
        "sgdisk",
        "--clear",
        "--new=1:0:+1M",
        "--typecode=1:ef02",
        "--change-name=1:edgelinux-bios",
        "--new=2:0:+1G",
        "--typecode=2:ef00",
        "--change-name=2:edgelinux-esp",
        "--new=3:0:-8M",
        "--typecode=3:bf01",
        "--change-name=3:edgelinux-zfs",
        "/dev/vda",
    ]


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
