"""Lays a machine out in a directory: disks, firmware, sockets, acceleration; for `boot` and the tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgelinux_build.qemu import media
from edgelinux_build.qemu.accel import AccelChoice, choose_accel
from edgelinux_build.qemu.firmware import prepare_firmware
from edgelinux_build.qemu.machine import Bus, Disk, Machine, Network
from edgelinux_build.qemu.runner import free_port, socket_directory

__all__ = ["Wishes", "lay_out", "prove_accel"]


@dataclass(frozen=True)
class Wishes:
    """What a machine shall be, before paths and ports are known.

    `disks` exist already, `new_disks` are sizes; they take the machine's slots in this order, from
    `first_slot` on. `ssh_port` 0: any free one.
    """

    name: str
    firmware: Literal["uefi", "bios"] = "uefi"
    iso: Path | None = None
    iso_as_usb: bool = False
    disks: tuple[Path, ...] = ()
    new_disks: tuple[str, ...] = ()
    first_slot: int = 0
    bus: Bus = "virtio"
    memory_mib: int = 2048
    cpus: int | None = None
    """None: two, or one where a single thread emulates them all."""
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


def lay_out(wishes: Wishes, directory: Path, accel: AccelChoice) -> Machine:
    """Makes what the machine needs in `directory`, and describes the machine."""
    directory.mkdir(parents=True, exist_ok=True)
    disks = [
        Disk(path.resolve(), media.disk_format(path), slot, wishes.bus)
        for slot, path in enumerate(wishes.disks, wishes.first_slot)
    ]
    for size in wishes.new_disks:
        slot = wishes.first_slot + len(disks)
        path = directory / f"disk{slot}.qcow2"
        path.unlink(missing_ok=True)
        media.create_disk(path, size)
        disks.append(Disk(path.resolve(), "qcow2", slot, wishes.bus))
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
        accel=accel.accel,
        memory_mib=wishes.memory_mib,
        cpus=wishes.cpus or (1 if accel.accel == "tcg-single" else 2),
    )
