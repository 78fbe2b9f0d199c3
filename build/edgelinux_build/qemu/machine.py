"""A virtual machine as data, and the options of QEMU that it means (pure).

PCI addresses are fixed by role and position, so that taking a disk away leaves every other device, and
with it the network interface's name, where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["BUSES", "MAX_DISKS", "Accel", "Bus", "Disk", "Firmware", "Machine", "Network", "argv"]

Bus = Literal["virtio", "nvme", "sata", "usb"]
# "tcg" has a thread for each virtual processor, "tcg-single" one for all: see accel.emulation.
Accel = Literal["kvm", "tcg", "tcg-single"]

BUSES: tuple[Bus, ...] = ("virtio", "nvme", "sata", "usb")
# q35's AHCI controller has six ports, and the CD takes the last.
MAX_DISKS = 5

_ACCEL: dict[Accel, str] = {
    "kvm": "kvm",
    "tcg": "tcg,thread=multi",
    "tcg-single": "tcg,thread=single",
}

# Emulated, a string instruction goes byte by byte, and a fifth level of page tables is one more to walk.
_EMULATED_CPU = "max,-erms,-fsrm,-la57"
_CPU: dict[Accel, str] = {"kvm": "max", "tcg": _EMULATED_CPU, "tcg-single": _EMULATED_CPU}

NIC_SLOT = 0x02
RNG_SLOT = 0x03
USB_SLOT = 0x04
DISK_SLOT = 0x10
CD_PORT = 5


@dataclass(frozen=True)
class Disk:
    """One disk. `slot` is its place in the machine and stays the same when another disk is missing."""

    path: Path
    format: Literal["qcow2", "raw"]
    slot: int
    bus: Bus = "virtio"
    sector: Literal[512, 4096] = 512
    """Bytes in a sector, logical and physical."""

    @property
    def serial(self) -> str:
        """The serial number the guest sees, and thus part of its name under /dev/disk/by-id."""
        return f"edgelinux-disk{self.slot}"


@dataclass(frozen=True)
class Firmware:
    """SeaBIOS when `code` is None, else OVMF with a private copy of its variables."""

    code: Path | None = None
    variables: Path | None = None

    @property
    def name(self) -> Literal["uefi", "bios"]:
        """What the command line calls it."""
        return "bios" if self.code is None else "uefi"


@dataclass(frozen=True)
class Network:
    """A user network: the guest is 10.0.2.15, its SSH port appears on 127.0.0.1."""

    ssh_port: int
    mac: str = "52:54:00:65:64:67"
    model: Literal["virtio-net-pci", "e1000e"] = "virtio-net-pci"


@dataclass(frozen=True)
class Machine:
    """Everything that decides the command line."""

    name: str
    firmware: Firmware
    network: Network
    console_socket: Path
    console_log: Path
    qmp_socket: Path
    disks: tuple[Disk, ...] = ()
    iso: Path | None = None
    iso_as_usb: bool = False
    medium_first: bool = False
    """Whether the firmware tries the medium before the disks."""
    accel: Accel = "tcg"
    memory_mib: int = 2048
    cpus: int = 2
    cpu: str = ""
    """A processor model of QEMU's; "": the one that suits the acceleration."""
    extra: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        slots = [disk.slot for disk in self.disks]
        if len(set(slots)) != len(slots):
            raise EdgeLinuxError(f"machine {self.name}: two disks in one slot: {slots}")
        if slots and not (min(slots) >= 0 and max(slots) < MAX_DISKS):
            raise EdgeLinuxError(f"machine {self.name}: at most {MAX_DISKS} disks")
        if any(disk.sector != 512 and disk.bus == "sata" for disk in self.disks):
            raise EdgeLinuxError(
                f"machine {self.name}: QEMU's SATA disks have sectors of 512 bytes",
                hint="another bus for disks of 4096",
            )


def _option(value: Path | str) -> str:
    """Escapes a value for QEMU's comma-separated option lists."""
    return str(value).replace(",", ",,")


def _firmware(firmware: Firmware) -> list[str]:
    if firmware.code is None:
        return []
    flash = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_option(firmware.code)}"]
    if firmware.variables is not None:
        flash += ["-drive", f"if=pflash,unit=1,format=raw,file={_option(firmware.variables)}"]
    return flash


def _disk(disk: Disk, boot_index: int) -> list[str]:
    drive = f"disk{disk.slot}"
    # cache=unsafe: what a guest flushed may be lost when the build host itself crashes, not when QEMU ends;
    # it is several times faster and these are disks for trying.
    source = f"if=none,id={drive},format={disk.format},cache=unsafe,discard=unmap,file={_option(disk.path)}"
    common = f"drive={drive},serial={disk.serial},bootindex={boot_index}"
    if disk.sector != 512:
        common += f",logical_block_size={disk.sector},physical_block_size={disk.sector}"
    device = {
        "virtio": f"virtio-blk-pci,addr={DISK_SLOT + disk.slot:#04x},{common}",
        "nvme": f"nvme,addr={DISK_SLOT + disk.slot:#04x},{common}",
        "sata": f"ide-hd,bus=ide.{disk.slot},{common}",
        # removable=off: a fixed disk in a USB enclosure, unlike the installer's stick.
        "usb": f"usb-storage,bus=xhci.0,port={disk.slot + 2},removable=off,{common}",
    }[disk.bus]
    # The name is for QMP: `device_del` pulls the disk.
    return ["-drive", source, "-device", f"{device},id={drive}-device"]


def _medium(iso: Path, as_usb: bool, boot_index: int) -> list[str]:
    source = f"if=none,id=medium,format=raw,readonly=on,file={_option(iso)}"
    if as_usb:
        return [
            *("-drive", source),
            *("-device", f"usb-storage,bus=xhci.0,port=1,removable=on,drive=medium,bootindex={boot_index}"),
        ]
    return [
        *("-drive", f"{source},media=cdrom"),
        *("-device", f"ide-cd,bus=ide.{CD_PORT},drive=medium,bootindex={boot_index}"),
    ]


def argv(machine: Machine) -> list[str]:
    """The options of QEMU that make a machine.

    The disks come before the medium in the boot order: empty disks fall through to the medium, and after
    the installation the disk boots. Except with SeaBIOS and a USB stick: SeaBIOS tries only the first of
    all hard disks, a stick among them, so the stick comes first and its menu must go on to the disk.
    """
    line = [
        *("-name", f"{_option(machine.name)},process=edgelinux-vm"),
        *("-nodefaults", "-no-user-config"),
        *("-machine", "q35,smm=off", "-accel", _ACCEL[machine.accel]),
        *("-cpu", machine.cpu or _CPU[machine.accel]),
        *("-smp", str(machine.cpus), "-m", str(machine.memory_mib)),
        *("-display", "none", "-vga", "std"),
        *_firmware(machine.firmware),
        *("-chardev", f"socket,id=console,path={_option(machine.console_socket)},server=on,wait=off"
          f",logfile={_option(machine.console_log)},logappend=on"),
        *("-serial", "chardev:console"),
        *("-chardev", f"socket,id=qmp,path={_option(machine.qmp_socket)},server=on,wait=off"),
        *("-mon", "chardev=qmp,mode=control"),
        *("-netdev", f"user,id=net0,hostfwd=tcp:127.0.0.1:{machine.network.ssh_port}-:22"),
        *("-device", f"{machine.network.model},netdev=net0,mac={machine.network.mac},addr={NIC_SLOT:#04x}"),
        *("-device", f"virtio-rng-pci,addr={RNG_SLOT:#04x}"),
        # Ports for the medium and for as many disks as there may be.
        *("-device", f"qemu-xhci,id=xhci,p2={MAX_DISKS + 1},p3={MAX_DISKS + 1},addr={USB_SLOT:#04x}"),
    ]  # fmt: skip
    first = machine.medium_first or (machine.iso_as_usb and machine.firmware.name == "bios")
    for disk in machine.disks:
        line += _disk(disk, boot_index=10 + disk.slot)
    if machine.iso is not None:
        line += _medium(machine.iso, machine.iso_as_usb, boot_index=1 if first else 90)
    return [*line, *machine.extra]
