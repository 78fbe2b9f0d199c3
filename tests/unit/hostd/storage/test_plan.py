"""Which pools can be made of which disks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.storage.plan import PoolPlan, best_name, plan_pool

GIB = 1024**3


def disk(name: str, size: int = 100 * GIB, serial: str = "", *links: str, in_use: str = "") -> Disk:
    return Disk(
        name=name,
        path=f"/dev/{name}",
        size=size,
        model="Model",
        serial=serial or f"serial-{name}",
        wwn="",
        transport="sata",
        removable=False,
        read_only=False,
        logical_sector=512,
        physical_sector=4096,
        links=links or (f"/dev/disk/by-id/ata-Model_{name}", f"/dev/disk/by-id/wwn-0x{name}"),
        in_use=in_use,
        contents=(),
    )


DISKS = (
    disk("sda", in_use="member of imported pool antlets"),
    disk("sdb"),
    disk("sdc"),
    disk("sdd", 50 * GIB),
    disk("sde", 512 * 1024**2),
    replace(disk("sdf"), contents=("gpt", "ext4 photos on sdf1")),
    replace(disk("sdg"), read_only=True),
    disk("sdh", serial="twin"),
    disk("sdi", serial="twin"),
    disk("sdj", in_use="mounted at /media/backup"),
)


def test_a_mirror_is_made_of_whole_disks_by_names_that_stay() -> None:
    plan = plan_pool("hdd", "mirror", ["/dev/sdb", "serial-sdc"], DISKS)
    argv = plan.argv()
    assert argv[-4:] == ["hdd", "mirror", "/dev/disk/by-id/ata-Model_sdb", "/dev/disk/by-id/ata-Model_sdc"]
    assert "-R" not in argv
    root = {argv[n + 1] for n, word in enumerate(argv) if word == "-O"}
    assert {"mountpoint=/hdd", "canmount=off", "compression=lz4", "edgelinux:kind=pool"} <= root
    assert f"edgelinux:uuid={plan.uuid}" in root
    assert "cachefile=none" in argv
    assert plan.wipe == ()


def test_a_plan_survives_being_written_down() -> None:
    plan = plan_pool("hdd", "single", ["/dev/sdb"], DISKS)
    assert PoolPlan.model_validate(json.loads(json.dumps(plan.model_dump(mode="json")))) == plan


@pytest.mark.parametrize(
    "text", ["/dev/sdb", "sdb", "serial-sdb", "/dev/disk/by-id/wwn-0xsdb", "disk/by-id/wwn-0xsdb"]
)
def test_a_disk_can_be_named_in_several_ways(text: str) -> None:
    assert plan_pool("hdd", "single", [text], DISKS).disks == ("/dev/sdb",)


@pytest.mark.parametrize(
    ("name", "kind", "wanted", "error", "message"),
    [
        ("hdd", "mirror", ["/dev/sdb", "serial-sdb"], InvalidError, "/dev/sdb is named twice"),
        ("hdd", "mirror", ["/dev/sdb"], InvalidError, "needs two disks"),
        ("hdd", "single", ["/dev/sdb", "/dev/sdc"], InvalidError, "made of one disk, not 2"),
        ("hdd", "raidz", ["/dev/sdb", "/dev/sdc"], InvalidError, "'raidz' is no layout"),
        ("hdd", "single", ["/dev/sda"], RefusedError, "member of imported pool antlets"),
        ("hdd", "single", ["/dev/sdj"], RefusedError, "mounted at /media/backup"),
        ("hdd", "single", ["/dev/sdg"], RefusedError, "read-only"),
        ("hdd", "single", ["/dev/sde"], RefusedError, "too small"),
        ("hdd", "mirror", ["/dev/sdb", "/dev/sdd"], RefusedError, "/dev/sdb 100 GiB, /dev/sdd 50 GiB"),
        ("hdd", "single", ["/dev/sdf"], RefusedError, "not empty: gpt, ext4 photos on sdf1"),
        ("hdd", "single", ["/dev/sdz"], NotFoundError, "no disk '/dev/sdz'"),
        ("hdd", "single", [""], NotFoundError, "no disk ''"),
        ("hdd", "single", ["twin"], InvalidError, "any of /dev/sdh, /dev/sdi"),
        ("antlets", "single", ["/dev/sdb"], RefusedError, "there is a pool antlets"),
        ("old", "single", ["/dev/sdb"], RefusedError, "antlet recover"),
        ("home", "single", ["/dev/sdb"], InvalidError, "a directory of the host"),
        ("mirror1", "single", ["/dev/sdb"], InvalidError, "cannot name a pool"),
        ("-f", "single", ["/dev/sdb"], InvalidError, "cannot name a pool"),
        ("a/b", "single", ["/dev/sdb"], InvalidError, "cannot name a pool"),
    ],
)
def test_what_is_refused(
    name: str, kind: str, wanted: list[str], error: type[EdgeLinuxError], message: str
) -> None:
    with pytest.raises(error) as caught:
        plan_pool(name, kind, wanted, DISKS, imported=["antlets"], importable=["old"])
    assert message in str(caught.value)


def test_a_directory_that_would_be_hidden() -> None:
    with pytest.raises(RefusedError, match="/hdd is not an empty directory"):
        plan_pool("hdd", "single", ["/dev/sdb"], DISKS, occupied=True)


def test_what_lies_on_a_disk_goes_only_when_told() -> None:
    with pytest.raises(RefusedError) as caught:
        plan_pool("hdd", "mirror", ["/dev/sdb", "/dev/sdf"], DISKS)
    assert caught.value.items == ("/dev/sdf: gpt", "/dev/sdf: ext4 photos on sdf1")
    plan = plan_pool("hdd", "mirror", ["/dev/sdb", "/dev/sdf"], DISKS, erase=True)
    assert plan.wipe == ("/dev/sdf",)


def test_a_disk_without_a_lasting_name_goes_by_its_node() -> None:
    assert best_name(disk("vdc", 1, "s", "/dev/disk/by-path/pci-1")) == "/dev/vdc"
    assert best_name(disk("sdb", 1, "s", "/dev/disk/by-id/wwn-0x1")) == "/dev/disk/by-id/wwn-0x1"
