"""Writes a stick: everything is checked before the device is touched, and compared afterwards."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.medium.inspect import inspect
from edgelinux_build.sites import Sites, load_sites
from edgelinux_build.usb import sites_partition
from edgelinux_build.usb.device import Device
from edgelinux_build.usb.layout import HEAD, Layout, lay_out
from edgelinux_build.usb.meter import Meter
from edgelinux_build.usb.sites_partition import Place
from edgelinux_build.usb.targets import Target, find_target, refuse
from edgelinux_build.usb.transfer import Written, compare, transfer

__all__ = ["Stick", "StickPlan", "plan_stick", "write_stick"]


@dataclass(frozen=True)
class StickPlan:
    """A stick that may be written: all that can be refused has been."""

    iso: Path
    iso_size: int
    label: str
    target: Target
    internal: bool
    sites: Sites | None = None

    @property
    def place(self) -> Place | None:
        """Where the partition for the sites goes; None without sites."""
        if self.sites is None:
            return None
        return sites_partition.place(self.iso_size, sites_partition.image_size(self.sites))

    @property
    def needed(self) -> int:
        """Bytes that a stick must have."""
        return self.place.needed if self.place else self.iso_size


@dataclass(frozen=True)
class Stick:
    """A stick that was written: how many bytes, and how many seconds that took."""

    device: str
    size: int
    sites: tuple[str, ...]
    """The keys of the sites on it."""
    write_seconds: float
    verify_seconds: float | None
    """None when it was not read back."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "device": self.device,
            "size": self.size,
            "sites": list(self.sites),
            "verified": self.verify_seconds is not None,
            "seconds": {"write": self.write_seconds, "verify": self.verify_seconds},
        }


def plan_stick(iso: Path, device: Path, *, sites: Path | None = None, internal: bool = False) -> StickPlan:
    """Look at the ISO, the site files and the device; changes nothing.

    Raises EdgeLinuxError: the ISO is cut off, damaged or none of edgeLinux's, a site file is wrong, or the
    device must not be written to.
    """
    found = inspect(iso)
    if found.problems:
        raise EdgeLinuxError(f"{iso} is damaged: {found.problems[0]}", hint="copy or download it again")
    if found.boot_paths.missing:
        raise EdgeLinuxError(f"{iso} does not boot with {found.boot_paths.missing[0]}", hint="build it again")
    if iso.stat().st_size != found.size:
        raise EdgeLinuxError(
            f"{iso} is larger than the ISO that it begins with", hint="give the ISO, not a stick that has it"
        )
    loaded = load_sites(sites, found.info) if sites else None
    plan = StickPlan(iso.resolve(), found.size, found.info.label, find_target(device), internal, loaded)
    refuse(plan.target, plan.needed, internal=internal)
    return plan


def write_stick(plan: StickPlan, meter: Meter, *, verify: bool = True) -> Stick:
    """Write the stick, and read it back unless told not to. Raises EdgeLinuxError.

    What stands against it is looked for once more: between plan and agreement sticks may be changed.
    """
    device = Path(plan.target.disk.path)
    again = find_target(device)
    refuse(again, plan.needed, internal=plan.internal)
    if (again.disk.model, again.disk.serial, again.disk.size) != _known(plan.target):
        raise EdgeLinuxError(
            f"{device} is another disk than a moment ago", hint="look again, and start again"
        )
    with tempfile.TemporaryDirectory(prefix="edgelinux-usb-") as folder, Device(device) as disk:
        layout = _layout(plan, disk.size, Path(folder))
        started = time.monotonic()
        written = _write(layout, disk, meter)
        seconds = time.monotonic() - started
        if verify:
            started = time.monotonic()
            meter.begin("Reading back", layout.size)
            compare(written, disk, meter.advance)
        verified = time.monotonic() - started if verify else None
        disk.reread_table()
    keys = tuple(entry.key for entry in plan.sites.entries) if plan.sites else ()
    return Stick(str(device), layout.size, keys, seconds, verified)


def _known(target: Target) -> tuple[str, str, int]:
    return target.disk.model, target.disk.serial, target.disk.size


def _layout(plan: StickPlan, size: int, folder: Path) -> Layout:
    where = plan.place
    if plan.sites is None or where is None:
        return lay_out(plan.iso, plan.iso_size, size)
    image = sites_partition.make_image(plan.sites, folder, where.size)
    table = sites_partition.make_table(plan.iso, plan.iso_size, size, where, HEAD, folder)
    return lay_out(plan.iso, plan.iso_size, size, where, image, table)


def _write(layout: Layout, disk: Device, meter: Meter) -> list[Written]:
    meter.begin("Writing", layout.size)
    transfer([layout.blank], disk, lambda _: None)
    disk.flush()
    written = transfer(layout.body, disk, meter.advance)
    disk.flush()
    written += transfer([layout.head], disk, meter.advance)
    disk.flush()
    return written
