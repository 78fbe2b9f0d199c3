"""Bringing the devices of template XML up to date; see modernise.py."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.templates import paths
from edgelinux_hostd.templates.notes import Notes, describe
from edgelinux_hostd.templates.offers import HostOffers

__all__ = ["modernise_devices"]

_OLD_NETWORKS = ("privnet", "default")
_CARDS = ("virtio", "e1000", "e1000e", "rtl8139")
# In this order: every guest has a driver for the first, since it is what firmware shows.
_VIDEO = ("vga", "bochs", "virtio", "cirrus")

# Devices that would need what the host does not have, or that serve nobody on a host without a screen.
_DROPPED = {
    "emulator": "the host uses its own",
    "sound": "the host has no sound",
    "audio": "the host has no sound",
    "redirdev": "the host has no SPICE",
    "redirfilter": "the host has no SPICE",
    "smartcard": "the host has no SPICE",
}


def modernise_devices(
    root: ET.Element, kind: Kind, offers: HostOffers, notes: Notes, *, machine_changed: bool
) -> None:
    """Bring the devices up to date in place."""
    devices = root.find("devices")
    if devices is None:
        return
    name = (root.findtext("name") or "").strip()
    for tag, why in _DROPPED.items():
        for element in devices.findall(tag):
            if tag == "redirdev" and element.get("type") != "spicevmc":
                continue  # reaches for something else: confine() says what
            devices.remove(element)
            notes.dropped(tag, element, why)
    for nic in devices.findall("interface"):
        _interface(nic, kind, notes)
    for console in (*devices.findall("console"), *devices.findall("serial")):
        _console(console)
    if kind == "lxc":
        _root(devices, name, notes)
        return
    for drive in devices.findall("disk"):
        _disk(devices, drive, name, offers, notes)
    _screen(devices, offers, notes)
    _channels(devices, notes)
    if machine_changed:
        _addresses(root, devices, notes)


def _interface(nic: ET.Element, kind: Kind, notes: Notes) -> None:
    source = nic.find("source")
    if source is not None and source.get("network") in _OLD_NETWORKS:
        notes.add("network", source.get("network", ""), numbers.NETWORK, "the antlets' network")
        source.attrib.clear()
        source.set("network", numbers.NETWORK)
    for tag, why in (
        ("target", "the host names its ports by antlet number"),
        ("filterref", "the host's own filter holds an antlet to its address"),
    ):
        for element in nic.findall(tag):
            nic.remove(element)
            notes.add(f"interface {tag}", element.get("dev") or element.get("filter") or tag, "", why)
    model = nic.find("model")
    if kind == "kvm" and model is not None and model.get("type") not in _CARDS:
        notes.add("interface model", model.get("type", ""), "e1000", "the nearest that the host has")
        model.set("type", "e1000")


def _console(console: ET.Element) -> None:
    """Forget which terminal a running domain once had."""
    if console.get("type") != "pty":
        return
    console.attrib.pop("tty", None)
    for source in console.findall("source"):
        if source.get("path", "").startswith("/dev/pts/"):
            console.remove(source)


def _root(devices: ET.Element, name: str, notes: Notes) -> None:
    for filesystem in devices.findall("filesystem"):
        source, target = filesystem.find("source"), filesystem.find("target")
        if source is None or target is None or target.get("dir") != "/":
            continue
        old = source.get("dir", "")
        if old.rstrip("/") == paths.home(name):
            source.set("dir", paths.root(name))
            notes.add("root", old, paths.root(name), "the antlet's own files lie beside its root")


def _disk(devices: ET.Element, drive: ET.Element, name: str, offers: HostOffers, notes: Notes) -> None:
    if drive.get("device") == "floppy":
        devices.remove(drive)
        notes.dropped("floppy", drive, "the host has no floppy disks")
        return
    target = drive.find("target")
    bus = target.get("bus") if target is not None else None
    if target is not None and bus and offers.buses and bus not in offers.buses:
        notes.add("disk bus", bus, "sata", "not offered by this host's QEMU")
        target.set("bus", "sata")
    source, driver = drive.find("source"), drive.find("driver")
    if drive.get("device", "disk") != "disk" or source is None or drive.get("type") != "file":
        return
    for store in drive.findall("backingStore"):
        if len(store) == 0 and not store.attrib:
            drive.remove(store)
    old = source.get("file", "")
    if not paths.inside(name, old):
        return  # reaches outside: confine() says so
    new = paths.disk(name, old)
    converted = driver is not None and driver.get("type") not in (None, "raw")
    if old != new and (converted or not old.startswith(f"{paths.home(name)}/disks/")):
        source.set("file", new)
        notes.add("disk", old, new, "disks are raw files in the antlet's disks/")
    if driver is None:
        driver = ET.Element("driver", {"name": "qemu"})
        drive.insert(0, driver)
    if driver.get("type") != "raw":
        if driver.get("type"):
            notes.add("disk format", driver.get("type", ""), "raw", "ZFS has the snapshots")
        driver.set("type", "raw")


def _screen(devices: ET.Element, offers: HostOffers, notes: Notes) -> None:
    """Have screens that are there: VNC on a socket of libvirt's own, a card that every guest knows."""
    screens = devices.findall("graphics")
    vnc = "vnc" in offers.graphics
    for number, screen in enumerate(screens):
        old = screen.get("type", "")
        listens = [listen.get("type") for listen in screen.findall("listen")]
        if vnc and number == 0:
            if old == "vnc" and listens == ["socket"]:
                continue
            new = ET.Element("graphics", {"type": "vnc"})
            ET.SubElement(new, "listen", {"type": "socket"})
            devices.insert(list(devices).index(screen), new)
            why = "nobody but the host can reach it" if old == "vnc" else "the host has no SPICE"
            notes.add("graphics", old, "vnc on a socket", why)
        else:
            notes.dropped("graphics", screen, "the host has none")
        devices.remove(screen)
    wanted = next((model for model in _VIDEO if model in offers.video), "none")
    for card in devices.findall("video"):
        model = card.find("model")
        if model is None or model.get("type") in ({*offers.video} & {*_VIDEO} | {"none"}):
            continue
        notes.add("video", model.get("type", ""), wanted, "not offered by this host's QEMU")
        model.attrib.clear()
        model.set("type", wanted)
        for part in list(model):
            model.remove(part)


def _channels(devices: ET.Element, notes: Notes) -> None:
    for channel in devices.findall("channel"):
        source, target = channel.find("source"), channel.find("target")
        agent = target is not None and target.get("name") == "org.qemu.guest_agent.0"
        if channel.get("type") in ("spicevmc", "spiceport"):
            devices.remove(channel)
            notes.dropped("channel", channel, "the host has no SPICE")
        elif channel.get("type") == "unix" and agent and source is not None and "path" in source.attrib:
            notes.add("channel", source.get("path", ""), "a socket of libvirt's own", "for the guest agent")
            source.attrib.clear()
            source.set("mode", "bind")


def _addresses(root: ET.Element, devices: ET.Element, notes: Notes) -> None:
    """Let libvirt place the devices anew: fixed places are those of the machine that is gone."""
    count = 0
    for device in devices:
        for address in device.findall("address"):
            if address.get("type") in ("pci", "isa", "ccid"):
                device.remove(address)
                count += 1
    if count:
        notes.add("PCI addresses", str(count), "", "places on the old machine")
    for controller in devices.findall("controller"):
        if controller.get("type") == "pci":
            devices.remove(controller)
            notes.add(
                "controller", f"pci {controller.get('model', '')}".strip(), "", "the new machine has its own"
            )
    kind = root.find("os/type")
    if kind is None or not kind.get("machine", "").startswith("pc-q35"):
        return
    # The newer machine has neither IDE nor the chip that its USB ports were on.
    for controller in devices.findall("controller"):
        if controller.get("type") == "ide" or controller.get("model", "").startswith("piix"):
            devices.remove(controller)
            notes.add("controller", describe(controller), "", "the new machine has its own")
    for target in devices.iterfind("disk/target"):
        if target.get("bus") == "ide":
            notes.add("disk bus", "ide", "sata", "the new machine has no IDE")
            target.set("bus", "sata")
            if target.get("dev", "").startswith("hd"):
                target.set("dev", f"sd{target.get('dev', '')[2:]}")
