"""How long an installation over the network takes, against the same one from the ISO."""

from __future__ import annotations

from pathlib import Path

from edgelinux_build.qemu import media, session
from edgelinux_build.qemu.install import STARTED, wait_for_end, wait_for_installer

from tests.bench.guest import build_iso
from tests.bench.report import Figure, Report
from tests.e2e.lab import Lab
from tests.e2e.netboot import NETWORK_BOOT_SECONDS, network_boot

__all__ = ["measure_netboot"]

_DISKS = ("12G", "12G")


def measure_netboot(report: Report, scratch: Path, artefacts: Path) -> None:
    """From power-on to the installer's end with UEFI, once from a CD and once from `edgelinux pxe serve`."""
    lab = Lab(artefacts, scratch / "lab")
    text = f'unattended: true\nroot:\n  ssh_keys: ["{lab.public_key}"]\n'
    site = scratch / "network.site.yaml"
    site.write_text(text)
    iso = build_iso(scratch / "from-iso", site)
    facts = media.read_iso(iso, scratch / "from-iso-facts")
    wishes = session.Wishes("bench-from-iso", iso=iso, new_disks=_DISKS)
    with lab.start(wishes, lab.accel(iso)) as vm:
        begun = wait_for_installer(vm, facts)
        floor = wait_for_end(vm)
    floor_parts = {"to the installer": begun, "installer": floor - begun}
    with network_boot(lab, "bench-network", iso, {"default": text}) as served:
        wishes = session.Wishes("bench-from-network", new_disks=_DISKS, extra=served.qemu_options("uefi"))
        with lab.start(wishes, lab.accel(iso), pass_fds=served.taps) as vm:
            vm.wait_for(STARTED, NETWORK_BOOT_SECONDS, "the installer")
            begun = vm.seconds
            took = wait_for_end(vm)
    parts = {"to the installer": begun, "installer": took - begun}
    report.add(Figure("installing over the network", took, "s", 1.2, floor, parts, floor_parts))
