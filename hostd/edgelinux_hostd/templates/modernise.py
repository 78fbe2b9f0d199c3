"""Bringing template XML up to what the host offers, with a note of each replacement.

Template files as edgeLinux has always had them are taken as they are: written for an emulator, machine types
and devices of their day, for libvirt's LXC driver, and for disks and roots at other places.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

from edgelinux_hostd.templates.devices import modernise_devices
from edgelinux_hostd.templates.document import Document
from edgelinux_hostd.templates.notes import Note, Notes
from edgelinux_hostd.templates.offers import HostOffers, newest_machine

__all__ = ["Note", "modernise"]

_FAMILIES = ("pc-i440fx", "pc-q35")
_ALIASES = {"pc": "pc-i440fx", "q35": "pc-q35"}


def modernise(document: Document, offers: HostOffers) -> tuple[Document, tuple[Note, ...]]:
    """Bring a rendered template up to date; gives a new document. Raises InvalidError for another domain."""
    current = document.copy()
    notes = Notes()
    kind = current.kind()
    _leftovers(current.root, notes)
    changed = False
    if kind == "kvm":
        _hypervisor(current.root, offers, notes)
        changed = _machine(current.root, offers, notes)
        _firmware(current.root, offers, notes)
        _cpu(current.root, offers, notes)
    modernise_devices(current.root, kind, offers, notes, machine_changed=changed)
    return current, notes.taken()


def _drop(
    parent: ET.Element, tag: str, notes: Notes, why: str, *, when: Callable[[ET.Element], bool]
) -> None:
    for element in parent.findall(tag):
        if when(element):
            parent.remove(element)
            notes.dropped(tag, element, why)


def _leftovers(root: ET.Element, notes: Notes) -> None:
    """Drop what a running domain's XML has and a template does not need."""
    root.attrib.pop("id", None)
    _drop(root, "uuid", notes, "each antlet has a uuid of its own", when=lambda _: True)
    _drop(
        root,
        "resource",
        notes,
        "hostd places antlets itself",
        when=lambda element: (element.findtext("partition") or "").strip() in ("/machine", "/machine.slice"),
    )
    _drop(
        root,
        "seclabel",
        notes,
        "the host labels antlets itself",
        when=lambda element: element.get("type") == "dynamic" and len(element) == 0,
    )


def _hypervisor(root: ET.Element, offers: HostOffers, notes: Notes) -> None:
    wanted = "kvm" if offers.kvm else "qemu"
    if root.get("type") != wanted:
        why = (
            "this host has KVM"
            if offers.kvm
            else "this host has no usable KVM: the antlet is emulated, slowly"
        )
        notes.add("domain type", root.get("type", ""), wanted, why)
        root.set("type", wanted)


def _machine(root: ET.Element, offers: HostOffers, notes: Notes) -> bool:
    """Replace a machine type that the host lacks, or will lack, by the newest of its family."""
    kind = root.find("os/type")
    if kind is None:
        return False
    if kind.get("arch") not in (None, offers.arch):
        notes.add("architecture", kind.get("arch", ""), offers.arch, "this host's own")
        kind.set("arch", offers.arch)
    machine = kind.get("machine")
    if machine is None or machine in offers.machines:
        return False
    family = _ALIASES.get(machine) or next((name for name in _FAMILIES if machine.startswith(name)), "pc-q35")
    new = (
        newest_machine(family, offers.machines)
        or newest_machine(family, offers.deprecated)
        or newest_machine("pc-q35", offers.machines)
    )
    if new is None or new == machine:
        return False
    kind.set("machine", new)
    if machine in _ALIASES:
        # The same machine by its full name, so that it stays the same when this host's QEMU is a newer one.
        return not new.startswith(family)
    gone = (
        "no longer kept by this host's QEMU"
        if machine in offers.deprecated
        else "not known to this host's QEMU"
    )
    notes.add("machine type", machine, new, gone)
    return True


def _firmware(root: ET.Element, offers: HostOffers, notes: Notes) -> None:
    """Have libvirt choose the firmware where the template's own file is not there."""
    place = root.find("os")
    loader = place.find("loader") if place is not None else None
    if place is None or loader is None:
        return
    path = (loader.text or "").strip()
    if path in offers.loaders or not path:
        return
    if not path.rpartition("/")[2].lower().startswith(("ovmf", "edk2")):
        return
    place.remove(loader)
    for nvram in place.findall("nvram"):
        place.remove(nvram)
    place.set("firmware", "efi")
    notes.add("firmware", path, "firmware='efi'", "the host's own UEFI firmware")


def _cpu(root: ET.Element, offers: HostOffers, notes: Notes) -> None:
    """Keep a CPU model that this host can give; else give the host's, or the most that emulation can."""
    cpu = root.find("cpu")
    if cpu is None:
        return
    model = (cpu.findtext("model") or "").strip()
    mode = cpu.get("mode", "custom" if model else "")
    if mode == "custom" and model in offers.models:
        return
    new = "host-passthrough" if offers.kvm else "maximum"
    if not mode or mode == new or (mode in ("host-model", "maximum") and offers.kvm):
        return
    why = f"this host's CPU cannot be a {model}" if model else "emulation has no host CPU to pass on"
    notes.add("CPU", model or mode, new, why)
    cpu.attrib.clear()
    cpu.set("mode", new)
    if offers.kvm:
        cpu.set("check", "none")
    for part in list(cpu):
        if part.tag not in ("topology", "numa"):
            cpu.remove(part)
