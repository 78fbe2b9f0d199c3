"""The QEMU command line that a machine means."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.qemu.machine import BUSES, Bus, Disk, Firmware, Machine, Network, argv
from edgelinux_build.qemu.session import parse_wish
from edgelinux_hostd.errors import EdgeLinuxError

UEFI = Firmware(Path("/fw/CODE.fd"), Path("/vm/vars.fd"))
DISKS = (Disk(Path("/vm/a.qcow2"), "qcow2", 0), Disk(Path("/vm/b.raw"), "raw", 1))
MACHINE = Machine(
    name="m",
    firmware=Firmware(),
    network=Network(ssh_port=2222),
    console_socket=Path("/run/c"),
    console_log=Path("/vm/console.log"),
    qmp_socket=Path("/run/q"),
    disks=DISKS,
    iso=Path("/out/e.iso"),
)


def devices(machine: Machine) -> list[str]:
    line = argv(machine)
    return [value for option, value in itertools.pairwise(line) if option == "-device"]


def boot_order(machine: Machine) -> list[str]:
    """The drives, in the order in which the firmware tries them."""
    found = {}
    for device in devices(machine):
        index = re.search(r"bootindex=(\d+)", device)
        drive = re.search(r"drive=(\w+)", device)
        if index and drive:
            found[int(index.group(1))] = drive.group(1)
    return [found[index] for index in sorted(found)]


def test_emulation_with_all_cores_is_the_default() -> None:
    line = argv(MACHINE)
    assert line[line.index("-accel") + 1] == "tcg,thread=multi"
    assert line[line.index("-cpu") + 1] == "max,-erms,-fsrm,-la57"
    assert line[line.index("-smp") + 1] == "2"
    assert line[line.index("-m") + 1] == "2048"


def test_one_thread_for_all_processors() -> None:
    line = argv(replace(MACHINE, accel="tcg-single"))
    assert line[line.index("-accel") + 1] == "tcg,thread=single"


def test_kvm() -> None:
    line = argv(replace(MACHINE, accel="kvm"))
    assert line[line.index("-accel") + 1] == "kvm"


def test_empty_disks_come_before_the_cd() -> None:
    assert boot_order(MACHINE) == ["disk0", "disk1", "medium"]
    assert boot_order(replace(MACHINE, firmware=UEFI)) == ["disk0", "disk1", "medium"]


def test_bios_tries_a_stick_first() -> None:
    stick = replace(MACHINE, iso_as_usb=True)
    assert boot_order(stick) == ["medium", "disk0", "disk1"]
    assert boot_order(replace(stick, firmware=UEFI)) == ["disk0", "disk1", "medium"]


@pytest.mark.parametrize("bus", BUSES)
def test_a_missing_disk_moves_nothing(bus: Bus) -> None:
    both = replace(MACHINE, disks=tuple(replace(disk, bus=bus) for disk in DISKS))
    second = replace(both, disks=both.disks[1:])
    gone = set(devices(both)) - set(devices(second))
    assert len(gone) == 1
    assert "drive=disk0" in gone.pop()
    assert set(devices(second)) < set(devices(both))


def test_every_pci_device_has_its_address() -> None:
    for device in devices(MACHINE):
        kind = device.partition(",")[0]
        if kind in {"virtio-blk-pci", "virtio-net-pci", "virtio-rng-pci", "qemu-xhci", "nvme", "e1000e"}:
            assert re.search(r",addr=0x[0-9a-f]{2}", device), device


def test_uefi_has_its_own_variables() -> None:
    flash = [value for value in argv(replace(MACHINE, firmware=UEFI)) if value.startswith("if=pflash")]
    assert flash == [
        "if=pflash,unit=0,format=raw,readonly=on,file=/fw/CODE.fd",
        "if=pflash,unit=1,format=raw,file=/vm/vars.fd",
    ]
    assert not any("pflash" in value for value in argv(MACHINE))


def test_ssh_is_reachable_from_this_host_only() -> None:
    assert "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22" in argv(MACHINE)


def test_commas_in_paths_are_doubled() -> None:
    line = argv(replace(MACHINE, iso=Path("/out/a,b.iso")))
    assert any("file=/out/a,,b.iso" in value for value in line)


def test_the_iso_is_never_written() -> None:
    for usb in (True, False):
        drive = next(v for v in argv(replace(MACHINE, iso_as_usb=usb)) if "id=medium" in v)
        assert "readonly=on" in drive


def test_sectors_of_4096_bytes() -> None:
    disk = replace(DISKS[0], sector=4096, bus="nvme")
    (device,) = [value for value in devices(replace(MACHINE, disks=(disk,))) if value.startswith("nvme,")]
    assert "logical_block_size=4096,physical_block_size=4096" in device
    with pytest.raises(EdgeLinuxError, match="sectors of 512 bytes"):
        replace(MACHINE, disks=(replace(disk, bus="sata"),))


def test_a_wished_for_processor() -> None:
    line = argv(replace(MACHINE, cpu="Nehalem"))
    assert line[line.index("-cpu") + 1] == "Nehalem"


@pytest.mark.parametrize(
    ("wish", "meant"),
    [
        ("12G", ("12G", "virtio", 512)),
        ("12G:4k", ("12G", "virtio", 4096)),
        ("9G:nvme:4k", ("9G", "nvme", 4096)),
        ("9G:usb", ("9G", "usb", 512)),
    ],
)
def test_disks_as_they_are_wished_for(wish: str, meant: tuple[str, str, int]) -> None:
    assert parse_wish(wish, "virtio") == meant


def test_a_wish_that_is_no_disk() -> None:
    with pytest.raises(EdgeLinuxError, match="'12G:scsi' is not a disk: 'scsi'"):
        parse_wish("12G:scsi", "virtio")


@pytest.mark.parametrize("slots", [(0, 0), (5,), (-1,)])
def test_impossible_slots(slots: tuple[int, ...]) -> None:
    with pytest.raises(EdgeLinuxError):
        replace(MACHINE, disks=tuple(Disk(Path("/d"), "raw", slot) for slot in slots))
