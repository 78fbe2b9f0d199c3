"""Lays a machine out in a directory: disks, firmware, sockets, acceleration; for `boot` and the tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.qemu import media
from edgelinux_build.qemu.accel import AccelChoice, choose_accel
from edgelinux_build.qemu.firmware import prepare_firmware
from edgelinux_build.qemu.machine import BUSES, Bus, Disk, Machine, Network
from edgelinux_build.qemu.runner import free_port, socket_directory

__all__ = ["Wishes", "lay_out", "parse_wish", "prove_accel"]


@dataclass(frozen=True)
class Wishes:
    """What a machine shall be, before paths and ports are known.

    `disks` exist already, `new_disks` are sizes (see `parse_wish`); they take the machine's slots in this
    order, from `first_slot` on. `ssh_port` 0: any free one.
    """

    name: str
    firmware: Literal["uefi", "bios"] = "uefi"
    iso: Path | None = None
    iso_as_usb: bool = False
    medium_first: bool = False
    disks: tuple[Path, ...] = ()
    new_disks: tuple[str, ...] = ()
    first_slot: int = 0
    bus: Bus = "virtio"
    sector: Literal[512, 4096] = 512
    memory_mib: int = 2048
    cpus: int | None = None
    """None: two, or one where a single thread emulates them all."""
    cpu: str = ""
    extra: tuple[str, ...] = ()
    ssh_port: int = 0
    nic: Literal["virtio-net-pci", "e1000e"] = "virtio-net-pci"
    console_log: Path | None = None


def prove_accel(
    wanted: Literal["auto", "kvm", "tcg"], iso: Path | None, directory: Path, kernel: Path | None = None
) -> AccelChoice:
    """Chooses the acceleration, proving KVM with `kernel` or else with the ISO's own."""
    if wanted == "auto" and kernel is None and iso is not None and Path("/dev/kvm").exists():
        kernel = media.extract(iso, "/boot/vmlinuz", directory / "vmlinuz")
    return choose_accel(wanted, kernel)


def parse_wish(wish: str, bus: Bus, sector: Literal[512, 4096] = 512) -> tuple[str, Bus, Literal[512, 4096]]:
    """Read `SIZE[:4k][:BUS]` as size, bus and bytes in a sector, else those given; raises EdgeLinuxError."""
    size, *marks = wish.split(":")
    for mark in marks:
        known = next((name for name in BUSES if name == mark), None)
        if known:
            bus = known
        elif mark == "4k":
            sector = 4096
        else:
            hint = f"a size, such as 12G, and after colons 4k or a bus ({', '.join(BUSES)})"
            raise EdgeLinuxError(f"{wish!r} is not a disk: {mark!r}", hint=hint)
    return size, bus, sector


def lay_out(wishes: Wishes, directory: Path, accel: AccelChoice) -> Machine:
    """Makes what the machine needs in `directory`, and describes the machine."""
    directory.mkdir(parents=True, exist_ok=True)
    disks = [
        Disk(path.resolve(), media.disk_format(path), slot, wishes.bus, wishes.sector)
        for slot, path in enumerate(wishes.disks, wishes.first_slot)
    ]
    for wish in wishes.new_disks:
        size, bus, sector = parse_wish(wish, wishes.bus, wishes.sector)
        slot = wishes.first_slot + len(disks)
        path = directory / f"disk{slot}.qcow2"
        path.unlink(missing_ok=True)
        media.create_disk(path, size)
        disks.append(Disk(path.resolve(), "qcow2", slot, bus, sector))
    sockets = socket_directory()
    return Machine(
        name=wishes.name,
        firmware=prepare_firmware(wishes.firmware, directory),
        network=replace(Network(ssh_port=wishes.ssh_port or free_port()), model=wishes.nic),
        console_socket=sockets / "console",
        console_log=wishes.console_log or directory / "console.log",
        qmp_socket=sockets / "qmp",
        disks=tuple(disks),
        iso=wishes.iso.resolve() if wishes.iso else None,
        iso_as_usb=wishes.iso_as_usb,
        medium_first=wishes.medium_first,
        accel=accel.accel,
        memory_mib=wishes.memory_mib,
        cpus=wishes.cpus or (1 if accel.accel == "tcg-single" else 2),
        cpu=wishes.cpu,
        extra=wishes.extra,
    )
