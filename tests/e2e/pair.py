"""A pair of disks with an installed host, made once per firmware and looked at by many tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from edgelinux_build.qemu import media
from edgelinux_build.qemu.install import STARTED, wait_for_end, wait_for_installer, wait_until_up
from edgelinux_build.qemu.machine import Disk, Network
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes
from edgelinux_hostd.errors import EdgeLinuxError

from tests.e2e import sites
from tests.e2e.lab import Lab
from tests.e2e.netboot import CARD, NETWORK_BOOT_SECONDS, NetworkBoot, network_boot

__all__ = ["SLOTS", "Pair", "Survivor"]

Kind = Literal["uefi", "bios"]

# The mirror's disks; UEFI has another disk in slot 0, before them, and one of them has sectors of 4096 bytes,
# which no BIOS boots from.
SLOTS = (1, 2)
WISHES: dict[Kind, Wishes] = {
    "uefi": Wishes("uefi", firmware="uefi", new_disks=("2G:virtio", "12G:nvme", "12G:nvme:4k")),
    "bios": Wishes(
        "bios",
        firmware="bios",
        iso_as_usb=True,
        bus="sata",
        nic="e1000e",
        first_slot=1,
        new_disks=("12G", "12G"),
    ),
}


def _in_short(error: Exception) -> str:
    """An error without the console's lines, for the many tests that an installation's failure fails."""
    return error.message if isinstance(error, EdgeLinuxError) else str(error)


@dataclass
class Pair:
    """Installs when its host is first asked for; a failed installation fails every test that needs it."""

    lab: Lab
    kind: Kind
    vm: VirtualMachine | None = None
    host: Any = None
    served: NetworkBoot | None = None
    """What it was installed from, if that was the network."""
    disks: dict[int, Disk] = field(default_factory=dict)
    _failure: Exception | None = None
    _finished: bool = False
    _open: ExitStack = field(default_factory=ExitStack)

    def running(self) -> tuple[VirtualMachine, Any]:
        """The installed host after its first boot, and a testinfra connection to its root."""
        if self._failure is not None:
            raise EdgeLinuxError(f"the {self.kind} installation failed before: {_in_short(self._failure)}")
        if self._finished:
            raise EdgeLinuxError("the installed host was shut down already: tests run in the wrong order")
        if self.vm is None:
            try:
                self._install()
            except Exception as error:
                self._failure = error
                self.stop()
                raise
        assert self.vm is not None
        return self.vm, self.host

    def _install(self) -> None:
        lab = self.lab
        with lab.ledger.boot(f"{self.kind}-install"):
            self.vm = self._start()
            lab.note(f"{self.kind}: power-on to the installer's first line", self.vm.seconds)
            begun = self.vm.seconds
            wait_for_end(self.vm)
            lab.note(f"{self.kind}: the installer", self.vm.seconds - begun)
        self.disks = {disk.slot: disk for disk in self.vm.machine.disks}
        with lab.ledger.boot(f"{self.kind}-first"):
            wait_until_up(self.vm)
        self.host = lab.ssh(self.vm)

    def _start(self) -> VirtualMachine:
        """Starts the machine; it has come to the installer's first line."""
        lab, wishes = self.lab, WISHES[self.kind]
        if not wishes.iso_as_usb:
            return self._start_on_the_network(wishes)
        iso = self._stick()
        facts = media.read_iso(iso, lab.scratch / f"{self.kind}-iso")
        assert facts.unattended
        vm = lab.start(replace(wishes, iso=iso), lab.accel(iso))
        wait_for_installer(vm, facts)
        return vm

    def _start_on_the_network(self, wishes: Wishes) -> VirtualMachine:
        """The server has the default ISO, and a kickstart for this machine."""
        lab = self.lab
        iso = lab.iso("default")
        site = sites.on_the_wire(lab.public_key, Network(ssh_port=0).mac, CARD)
        texts = {CARD.replace(":", "-"): site}
        self.served = self._open.enter_context(network_boot(lab, self.kind, iso, texts))
        wishes = replace(wishes, extra=self.served.qemu_options(self.kind))
        vm = lab.start(wishes, lab.accel(iso), pass_fds=self.served.taps)
        vm.wait_for(STARTED, NETWORK_BOOT_SECONDS, "the installer")
        return vm

    def _stick(self) -> Path:
        """Gives a stick whose sites have the kickstart, and whose ISO has another one."""
        lab, key = self.lab, self.lab.public_key
        mac = Network(ssh_port=0).mac.replace(":", "-")
        iso = lab.embedded("somebody-else", sites.somebody_else(key))
        return lab.stick("many", iso, {mac: sites.any_disks(key), "default": sites.somebody_else(key)})

    def reboot(self, boot: str) -> Any:
        """Reboots the running host; a connection to it afterwards."""
        vm, host = self.running()
        with self.lab.ledger.boot(boot):
            host.run("systemctl --no-block reboot")
            vm.wait_for(r"Linux version|Command line:|GNU GRUB", 180, "the reboot")
            wait_until_up(vm)
        self.host = self.lab.ssh(vm, boot=boot)
        return self.host

    def final_disks(self) -> dict[int, Disk]:
        """The disks by slot, after the host was shut down; from now on they do not change."""
        if not self._finished:
            vm, _ = self.running()
            vm.shut_down(180)
            self._finished = True
        return self.disks

    def crash(self) -> None:
        """Cuts the running host's power; what its disks are then is what `final_disks` gives."""
        vm, _ = self.running()
        vm.kill()
        self._finished = True

    def stop(self) -> None:
        """Ends the machine if it runs."""
        if self.vm is not None:
            self.vm.kill()
        self._open.close()


@dataclass
class Survivor:
    """One disk of a pair, booted alone from an overlay."""

    vm: VirtualMachine
    host: Any


@contextmanager
def surviving(pair: Pair, slot: int, firmware: Kind) -> Iterator[Survivor]:
    """Boots the disk in `slot` of a pair, without the other, with a firmware that need not be the pair's."""
    lab = pair.lab
    base = pair.final_disks()[slot]
    name = f"{pair.kind}-disk{slot}-{firmware}"
    directory = lab.scratch / name
    directory.mkdir(parents=True, exist_ok=True)
    disk = directory / "overlay.qcow2"
    media.overlay(disk, base.path)
    wishes = Wishes(
        name,
        firmware=firmware,
        disks=(disk,),
        first_slot=slot,
        bus=base.bus,
        sector=base.sector,
        nic=WISHES[pair.kind].nic,
    )
    iso = lab.iso("default")
    with lab.ledger.boot(name):
        vm = lab.start(wishes, lab.accel(iso))
        try:
            wait_until_up(vm)
        except BaseException:
            vm.kill()
            raise
    try:
        yield Survivor(vm, lab.ssh(vm))
    finally:
        vm.kill()
        with suppress(OSError):
            disk.unlink()
