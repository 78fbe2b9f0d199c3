"""Disks as lsblk lists them, what uses them and what lies on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from edgelinux_hostd import disks
from edgelinux_hostd.disks import Disk, PoolLabel, parse_lsblk, parse_wipefs, partition_path
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.zfs import parse_members

from .conftest import Programs

Recorded = Callable[[str], str]


def by_name(found: tuple[Disk, ...]) -> dict[str, Disk]:
    return {disk.name: disk for disk in found}


def test_virtio_disks_without_what_is_no_disk(recorded: Recorded) -> None:
    found = parse_lsblk(
        recorded("lsblk-virtio.json"), {"/dev/vda": ["/dev/disk/by-path/b", "/dev/disk/by-id/a"]}
    )
    assert [disk.name for disk in found] == ["vda", "vdb"]
    first, second = found
    assert (first.path, first.size, first.serial, first.transport) == (
        "/dev/vda",
        12 * 1024**3,
        "disk0",
        "virtio",
    )
    assert (first.model, first.wwn, first.removable, first.read_only) == ("", "", False, False)
    assert first.links == ("/dev/disk/by-id/a", "/dev/disk/by-path/b")
    assert first.contents == ("gpt", "vfat EDGELINUX on vda2", "zfs_member antlets on vda3")
    assert first.in_use == ""
    assert second.contents == ()


def test_members_of_imported_pools_are_in_use(recorded: Recorded) -> None:
    found = by_name(parse_lsblk(recorded("lsblk-virtio.json"), {}, {"/dev/vda3": "antlets"}))
    assert found["vda"].in_use == "member of imported pool antlets"
    assert found["vdb"].in_use == ""


def test_sata_disks_in_use(recorded: Recorded) -> None:
    found = by_name(parse_lsblk(recorded("lsblk-sata.json"), {}, {"/dev/sdaa": "hdd"}))
    assert list(found) == ["sda", "sdb", "sdc", "sdaa"]
    assert found["sda"].in_use == "mounted at /boot/efi"
    assert found["sdb"].in_use == "used by vg0-data (lvm)"
    assert found["sdaa"].in_use == "member of imported pool hdd"
    assert found["sdc"].in_use == ""
    assert found["sdc"].read_only
    assert found["sda"].physical_sector == 4096
    assert found["sdaa"].logical_sector == 4096
    assert found["sda"].wwn == "0x55cd2e4151a0b1c2"
    assert found["sdc"].model == "INTEL SSDSC2KG48"


def test_swap_alone_is_a_use() -> None:
    part = {"name": "sda1", "path": "/dev/sda1", "type": "part", "fstype": "swap", "mountpoints": ["[SWAP]"]}
    disk = {"name": "sda", "path": "/dev/sda", "type": "disk", "size": 1, "children": [part]}
    assert parse_lsblk(json.dumps({"blockdevices": [disk]}), {})[0].in_use == "used as swap"


def test_partitions_without_a_table_are_contents_too() -> None:
    part = {"name": "sda1", "path": "/dev/sda1", "type": "part"}
    disk = {"name": "sda", "path": "/dev/sda", "type": "disk", "size": 1, "children": [part]}
    assert parse_lsblk(json.dumps({"blockdevices": [disk]}), {})[0].contents == ("partition sda1",)


def test_nvme_emmc_and_usb(recorded: Recorded) -> None:
    found = by_name(parse_lsblk(recorded("lsblk-nvme-usb.json"), {}))
    assert list(found) == ["mmcblk0", "nvme2n1", "nvme10n1", "sda", "sdb"]
    assert found["sda"].in_use == "holds the live medium"
    assert found["sda"].removable
    assert found["sdb"].removable, "a USB disk that denies it"
    assert not found["nvme10n1"].removable
    assert found["nvme2n1"].contents == ("gpt", "zfs_member antlets on nvme2n1p3")


@pytest.mark.parametrize(
    ("disk", "partition"),
    [
        ("/dev/vda", "/dev/vda3"),
        ("/dev/sdaa", "/dev/sdaa3"),
        ("/dev/nvme0n1", "/dev/nvme0n1p3"),
        ("/dev/mmcblk0", "/dev/mmcblk0p3"),
        ("/dev/disk/by-id/nvme-eui.0025384500000001", "/dev/disk/by-id/nvme-eui.0025384500000001-part3"),
    ],
)
def test_partition_path(disk: str, partition: str) -> None:
    assert partition_path(disk, 3) == partition


def flat(devices: list[dict[str, Any]], parent: str | None = None) -> list[dict[str, Any]]:
    """Give lsblk's rows one after the other, as it prints them when it draws no tree."""
    rows = []
    for device in devices:
        children = device.get("children") or []
        rows.append({**{key: device[key] for key in device if key != "children"}, "pkname": parent})
        rows += flat(children, device["name"])
    return rows


@pytest.mark.parametrize("file", ["lsblk-virtio.json", "lsblk-sata.json", "lsblk-nvme-usb.json"])
def test_a_flat_list_says_the_same_as_a_tree(recorded: Recorded, file: str) -> None:
    tree = json.loads(recorded(file))["blockdevices"]
    members = {"/dev/vda3": "antlets"}
    listed = json.dumps({"blockdevices": flat(tree)})
    assert parse_lsblk(listed, {}, members) == parse_lsblk(recorded(file), {}, members)


def test_what_lies_on_two_disks_of_a_flat_list_uses_both() -> None:
    disk = {"type": "disk", "size": 1, "pkname": None}
    mirror = {"name": "md0", "path": "/dev/md0", "type": "raid1", "size": 1, "mountpoints": ["/srv"]}
    rows = [
        {**disk, "name": "sda", "path": "/dev/sda"},
        {**mirror, "pkname": "sda"},
        {**disk, "name": "sdb", "path": "/dev/sdb"},
        {**mirror, "pkname": "sdb"},
    ]
    found = parse_lsblk(json.dumps({"blockdevices": rows}), {})
    assert [(one.name, one.in_use) for one in found] == [
        ("sda", "mounted at /srv"),
        ("sdb", "mounted at /srv"),
    ]


def test_a_device_that_a_person_named_is_listed_whatever_it_is() -> None:
    loop = {"name": "loop0", "path": "/dev/loop0", "type": "loop", "size": 1024}
    text = json.dumps({"blockdevices": [loop]})
    assert parse_lsblk(text, {}) == ()
    assert [one.path for one in parse_lsblk(text, {}, every=True)] == ["/dev/loop0"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "lsblk: failed"])
def test_what_is_no_list_of_disks(text: str) -> None:
    with pytest.raises(EdgeLinuxError, match="list of disks"):
        parse_lsblk(text, {})


def test_pool_members(recorded: Recorded) -> None:
    assert parse_members(recorded("zpool-status.txt")) == {
        "/dev/nvme2n1p3": "antlets",
        "/dev/sdc3": "antlets",
        "/dev/sdaa": "hdd",
        "/dev/sdz": "hdd",
    }
    assert parse_members("no pools available\n") == {}


def test_absent_members_name_no_device_of_now(recorded: Recorded) -> None:
    working = parse_members(recorded("zpool-status.txt"), states=("ONLINE", "DEGRADED"))
    assert sorted(working) == ["/dev/nvme2n1p3", "/dev/sdaa"]


def test_wipefs_finds_what_lsblk_cannot_decide() -> None:
    signatures = [{"device": "vdb", "type": "ext4"}, {"device": "vdb", "type": "zfs_member"}]
    assert parse_wipefs(json.dumps({"signatures": [*signatures, signatures[1]]})) == ("ext4", "zfs_member")
    assert parse_wipefs("") == ()


def test_recording_looks_closer(
    programs: Programs, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures = {"signatures": [{"type": "ext4"}, {"type": "zfs_member"}]}
    programs.answers = {
        "lsblk": (0, recorded("lsblk-virtio.json"), ""),
        "wipefs": (0, json.dumps(signatures), ""),
    }
    monkeypatch.setattr(disks, "_claimed", lambda path: path == "/dev/vda")
    first, second = disks.read_disks(disks.record_disks())
    assert first.in_use == "claimed by the kernel"
    assert second.contents == ("ext4 on vdb", "zfs_member on vdb")
    assert programs.ran[-1] == ["wipefs", "--json", "/dev/vdb"]


def one_disk(*children: dict[str, object], **changes: object) -> Disk:
    disk = {"name": "sda", "path": "/dev/sda", "type": "disk", "size": 2**40, "pttype": "gpt", **changes}
    if children:
        disk["children"] = [
            {"name": f"sda{number}", "path": f"/dev/sda{number}", "type": "part", **child}
            for number, child in enumerate(children, start=1)
        ]
    return parse_lsblk(json.dumps({"blockdevices": [disk]}), {})[0]


LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
WINDOWS = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
SOLARIS = "6a898cc3-1dd2-11b2-99a6-080020736631"


@pytest.mark.parametrize(
    ("children", "foreign"),
    [
        ([{"fstype": "ext4", "parttype": LINUX}], ()),
        ([{"fstype": "ext4", "parttype": LINUX.upper()}, {"fstype": "swap", "parttype": "0x82"}], ()),
        ([{"fstype": "vfat", "parttype": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"}], ()),
        ([{"fstype": "ntfs", "parttype": WINDOWS}], ("ntfs on sda1",)),
        ([{"parttype": WINDOWS}], ("partition on sda1",)),
        ([{"fstype": "ntfs", "parttype": LINUX}], ("ntfs on sda1",)),
        ([{"fstype": "zfs_member", "parttype": SOLARIS}], ("zfs_member on sda1",)),
        # Nobody knows whose a partition without a type and a file system is.
        ([{}], ("partition sda1",)),
    ],
)
def test_what_is_not_linuxs(children: list[dict[str, object]], foreign: tuple[str, ...]) -> None:
    assert one_disk(*children).foreign == foreign


def test_whole_disks_without_partitions() -> None:
    assert one_disk(pttype=None, fstype="LVM2_member").foreign == ()
    assert one_disk(pttype=None, fstype="BitLocker").foreign == ("BitLocker on sda",)


def test_pools_that_left_their_labels() -> None:
    child: dict[str, object] = {
        "fstype": "zfs_member",
        "label": "antlets",
        "uuid": "1234567890123456789",
        "parttype": SOLARIS,
    }
    assert one_disk(child).pools == (PoolLabel("antlets", 1234567890123456789),)
    assert one_disk(child | {"uuid": None}).pools == (PoolLabel("antlets", 0),)


def test_a_recorded_machine_has_the_same_disks(
    programs: Programs, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.answers = {"lsblk": (0, recorded("lsblk-virtio.json"), ""), "wipefs": (0, "", "")}
    monkeypatch.setattr(disks, "_claimed", lambda path: path == "/dev/vda")
    record = disks.record_disks()
    again = disks.DiskRecord.model_validate_json(record.model_dump_json())
    assert disks.read_disks(again) == disks.read_disks(record)
    assert [disk.in_use for disk in disks.read_disks(again)] == ["claimed by the kernel", ""]
