"""Which disks can become a stick, and why not the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build.usb import targets
from edgelinux_build.usb.targets import Target, find_target, list_targets, read_targets, refuse
from edgelinux_hostd.disks import DiskRecord
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.cli_runner import edgelinux

GB = 10**9


def row(name: str, **more: Any) -> dict[str, Any]:
    disk = {"name": name, "path": f"/dev/{name}", "type": "disk", "size": 8 * GB, "log-sec": 512}
    return {**disk, "mountpoints": [None], **more}


def stick(**more: Any) -> dict[str, Any]:
    return row("sdb", model="Ultra Fit", serial="4C53", tran="usb", rm=True, **more)


def part(name: str = "sdb1", kind: str = "part", **more: Any) -> dict[str, Any]:
    return {**row(name, type=kind), **more}


def read(*devices: dict[str, Any], members: dict[str, str] | None = None) -> tuple[Target, ...]:
    record = DiskRecord(lsblk={"blockdevices": list(devices)}, members=members or {})
    return read_targets(record, every=True)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (stick(), ""),
        (stick(children=[part(fstype="vfat")]), ""),
        (stick(mountpoints=["/mnt"]), "mounted at /mnt"),
        (stick(children=[part(mountpoints=["/media/me"])]), "mounted at /media/me"),
        (stick(children=[part(mountpoints=["[SWAP]"])]), "used as swap"),
        (stick(children=[part(children=[part("vg0-data", "lvm")])]), "used by vg0-data (lvm)"),
        (stick(children=[part("md127", "raid1")]), "used by md127 (raid1)"),
        (stick(children=[part(children=[part("luks-1", "crypt")])]), "used by luks-1 (crypt)"),
        (stick(children=[part(mountpoints=["/"])]), "the running system is on it"),
        (stick(children=[part(mountpoints=["/srv", "/boot/efi"])]), "the running system is on it"),
        (stick(mountpoints=["/run/initramfs/live"]), "the running system is on it"),
        (stick(ro=True), "read-only"),
        (stick(size=0), "there is no medium in it"),
        (row("sdb1", type="part"), "it is a partition"),
        (row("sr0", type="rom"), "it is no disk (rom)"),
        (
            {**stick(), "log-sec": 4096},
            "its sectors have 4096 bytes, and no firmware would start the ISO from it",
        ),
    ],
)
def test_what_must_not_be_written_to(device: dict[str, Any], reason: str) -> None:
    (target,) = read(device)
    assert target.reason == reason
    if reason:
        with pytest.raises(EdgeLinuxError, match="is not written to"):
            refuse(target, 1, internal=True)
    else:
        refuse(target, 1, internal=False)


def test_a_member_of_an_imported_pool_is_in_use() -> None:
    (target,) = read(stick(children=[part()]), members={"/dev/sdb1": "antlets"})
    assert target.reason == "member of imported pool antlets"


def test_a_flat_list_is_understood() -> None:
    rows = [{**stick(), "pkname": None}, {**part(mountpoints=["/"]), "pkname": "sdb"}]
    assert [target.reason for target in read(*rows)] == ["the running system is on it"]


def test_a_disk_that_is_not_removable_is_written_to_when_told() -> None:
    (target,) = read(row("sda", model="SSD", serial="S1", tran="sata"))
    assert target.internal
    refuse(target, 1, internal=True)
    with pytest.raises(
        EdgeLinuxError, match=r"/dev/sda is not removable: SSD, serial S1, 8\.0 GB \(--internal"
    ):
        refuse(target, 1, internal=False)


def test_a_card_in_a_reader_of_the_machine_is_removable(tmp_path: Path) -> None:
    for name, kind in (("mmcblk0", "MMC"), ("mmcblk1", "SD")):
        folder = tmp_path / "block" / name / "device"
        folder.mkdir(parents=True)
        (folder / "type").write_text(f"{kind}\n", encoding="utf-8")
    record = DiskRecord(lsblk={"blockdevices": [row("mmcblk0"), row("mmcblk1")]})
    assert [one.internal for one in read_targets(record, sysfs=tmp_path)] == [True, False]


def test_too_small() -> None:
    (target,) = read(stick(size=2 * GB))
    refuse(target, 2 * GB, internal=False)
    with pytest.raises(EdgeLinuxError, match="too small: it has 2000000000 bytes, 2000000001 are needed"):
        refuse(target, 2 * GB + 1, internal=False)


def test_what_is_no_block_device(tmp_path: Path) -> None:
    file = tmp_path / "stick.img"
    file.touch()
    with pytest.raises(EdgeLinuxError, match="is not a block device"):
        find_target(file)
    with pytest.raises(EdgeLinuxError, match="is not a block device"):
        find_target(Path("/dev/null"))
    with pytest.raises(EdgeLinuxError, match="No such file or directory"):
        find_target(tmp_path / "none")


def test_the_list_has_sticks_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [row("sda", children=[part("sda1", mountpoints=["/"])]), stick(pttype="gpt")]
    record = DiskRecord(lsblk={"blockdevices": devices})
    monkeypatch.setattr(targets, "record_disks", lambda: record)
    assert [target.disk.name for target in list_targets()] == ["sdb", "sda"]
    assert edgelinux("usb", "list") == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["DEVICE", "SIZE", "MODEL", "SERIAL"]
    assert first.split() == ["/dev/sdb", "8.0", "GB", "Ultra", "Fit", "4C53", "usb", "gpt"]
    assert second.endswith("the running system is on it")
    assert edgelinux("usb", "list", "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed[0] == {
        "device": "/dev/sdb",
        "size": 8 * GB,
        "model": "Ultra Fit",
        "serial": "4C53",
        "bus": "usb",
        "removable": True,
        "holds": ["gpt"],
        "refused": "",
    }
    assert listed[1]["refused"] == "the running system is on it"


def test_the_disks_of_this_machine_can_be_listed() -> None:
    assert all(target.disk.path.startswith("/dev/") for target in list_targets())
