"""The devices of a machine: what its template has, and what every antlet gets."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import AntletSpec, Nic

__all__ = ["SEED", "child", "finish", "sort"]

# The cloud-init seed, in the antlet's directory.
SEED = "disks/seed.img"

# ZFS has a cache of its own, the ARC, beside the page cache: `writeback` does not cache twice there, and
# guests' flushes reach the disk as with `none`. `none` would ask for O_DIRECT, which our pools ignore and
# which another pool may not (openzfs#18610). Native AIO needs O_DIRECT, hence threads. `unmap` keeps sparse
# files sparse.
_DISK = {"name": "qemu", "cache": "writeback", "io": "threads", "discard": "unmap"}

_ORDER = (
    "emulator",
    "disk",
    "controller",
    "interface",
    "serial",
    "console",
    "channel",
    "*",
    "memballoon",
    "rng",
)

# Seconds between two looks at how much memory the guest uses.
_BALLOON_PERIOD = "10"


def child(parent: ET.Element, tag: str) -> ET.Element:
    """Give an element's first child of a tag, made if there is none."""
    found = parent.find(tag)
    return ET.SubElement(parent, tag) if found is None else found


def sort(parent: ET.Element, order: Sequence[str]) -> None:
    """Sort an element's children by tag; "*" is the place of all tags that `order` does not name."""
    rest = order.index("*")
    parent[:] = sorted(parent, key=lambda c: order.index(c.tag) if c.tag in order else rest)


def finish(devices: ET.Element, spec: AntletSpec, seed: bool) -> None:
    """Complete `<devices>`; `seed` says that the antlet has a cloud-init seed."""
    _disks(devices)
    if seed:
        _seed(devices, spec.name)
    for old in devices.findall("interface"):
        devices.remove(old)
    for card, nic in enumerate(spec.nics):
        devices.append(_interface(spec.number, card, nic))
    _serial(devices)
    if devices.find("rng") is None:
        rng = ET.SubElement(devices, "rng", {"model": "virtio"})
        ET.SubElement(rng, "backend", {"model": "random"}).text = "/dev/urandom"
    balloon = devices.find("memballoon")
    if balloon is None:
        balloon = ET.SubElement(devices, "memballoon", {"model": "virtio"})
    if balloon.get("model") != "none":
        child(balloon, "stats").set("period", _BALLOON_PERIOD)
    _agent(devices)
    sort(devices, _ORDER)


def _disks(devices: ET.Element) -> None:
    for disk in devices.findall("disk"):
        if disk.get("type", "file") != "file":
            continue
        driver = disk.find("driver")
        if driver is None:
            driver = ET.Element("driver", {"type": "raw"})
            disk.insert(0, driver)
        driver.attrib.update(_DISK)
        if disk.get("device", "disk") != "disk" or disk.find("readonly") is not None:
            del driver.attrib["discard"]


def _seed(devices: ET.Element, name: str) -> None:
    buses = [target.get("bus", "") for target in devices.findall("disk/target")]
    bus, device = ("virtio", "vdz") if not buses or "virtio" in buses else ("sata", "sdz")
    disk = ET.SubElement(devices, "disk", {"type": "file", "device": "disk"})
    driver = {key: value for key, value in _DISK.items() if key != "discard"}
    ET.SubElement(disk, "driver", {**driver, "type": "raw"})
    ET.SubElement(disk, "source", {"file": f"/antlets/{name}/{SEED}"})
    # The last of all, so that the guest's own disks keep their names.
    ET.SubElement(disk, "target", {"dev": device, "bus": bus})
    ET.SubElement(disk, "readonly")


def _interface(number: int, card: int, nic: Nic) -> ET.Element:
    interface = ET.Element("interface", {"type": nic.type})
    ET.SubElement(interface, "mac", {"address": nic.mac or numbers.mac(number, card)})
    ET.SubElement(interface, "source", {nic.type: nic.source})
    ET.SubElement(interface, "target", {"dev": numbers.port(number, card)})
    ET.SubElement(interface, "model", {"type": nic.model})
    return interface


def _serial(devices: ET.Element) -> None:
    """Ensure a serial console behind a pseudo-terminal, the one that `Runtime.console` opens."""
    for tag in ("serial", "console"):
        for old in devices.findall(tag):
            devices.remove(old)
    serial = ET.SubElement(devices, "serial", {"type": "pty"})
    ET.SubElement(serial, "target", {"port": "0"})
    console = ET.SubElement(devices, "console", {"type": "pty"})
    ET.SubElement(console, "target", {"type": "serial", "port": "0"})


def _agent(devices: ET.Element) -> None:
    """Ensure the guest agent's channel: with an agent in the guest, stopping does not depend on ACPI."""
    name = "org.qemu.guest_agent.0"
    for channel in devices.findall("channel"):
        target = channel.find("target")
        if target is not None and target.get("name") == name:
            devices.remove(channel)
    channel = ET.SubElement(devices, "channel", {"type": "unix"})
    ET.SubElement(channel, "target", {"type": "virtio", "name": name})
