"""What this host's QEMU offers to machines, read from `virsh capabilities` and `virsh domcapabilities`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgelinux_hostd.run import run
from edgelinux_hostd.templates.document import Document, parse

__all__ = ["HostOffers", "ask", "newest_machine", "parse_offers"]

_MACHINE = re.compile(r"(?P<family>pc-(?:i440fx|q35))-(?P<suffix>.*)")


@dataclass(frozen=True)
class HostOffers:
    """What the host offers.

    `machines` are the versioned machine types in the order QEMU has them, without the `deprecated` ones that
    its next release may lack. `models` are the CPU models this host can give to a guest under `kvm`, or under
    emulation where `kvm` is false. `loaders` are firmware files libvirt knows.
    """

    kvm: bool
    arch: str
    machines: tuple[str, ...]
    deprecated: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    video: tuple[str, ...] = ()
    graphics: tuple[str, ...] = ()
    buses: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()


def parse_offers(capabilities: str, domain: str) -> HostOffers:
    """Read the XML of `virsh capabilities` and of `virsh domcapabilities --virttype kvm` (or qemu)."""
    host, guest = parse(capabilities, "virsh capabilities"), parse(domain, "virsh domcapabilities")
    arch = guest.text("arch")
    listed = host.root.iterfind(f"guest/arch[@name='{arch}']/machine")
    versioned = [machine for machine in listed if "canonical" not in machine.attrib and machine.text]
    return HostOffers(
        kvm=guest.text("domain") == "kvm",
        arch=arch,
        machines=tuple(m.text or "" for m in versioned if m.get("deprecated") != "yes"),
        deprecated=tuple(m.text or "" for m in versioned if m.get("deprecated") == "yes"),
        models=tuple(
            model.text or "" for model in guest.root.iterfind("cpu/mode[@name='custom']/model[@usable='yes']")
        ),
        video=_values(guest, "devices/video/enum[@name='modelType']"),
        graphics=_values(guest, "devices/graphics/enum[@name='type']"),
        buses=_values(guest, "devices/disk/enum[@name='bus']"),
        loaders=_values(guest, "os/loader"),
    )


def _values(document: Document, path: str) -> tuple[str, ...]:
    return tuple((value.text or "").strip() for value in document.root.iterfind(f"{path}/value"))


def newest_machine(family: str, machines: Iterable[str]) -> str | None:
    """Give the newest machine type of a family ("pc-i440fx"), or None."""
    found = [name for name in machines if (match := _MACHINE.fullmatch(name)) and match["family"] == family]
    return max(found, key=_age, default=None)


def _age(machine: str) -> tuple[tuple[int, ...], str]:
    return tuple(int(part) for part in re.findall(r"\d+", machine.partition("-")[2])[-3:]), machine


def ask(*, kvm: bool) -> HostOffers:
    """Ask this host. `kvm` says whether machines run under KVM or by emulation; raises EdgeLinuxError."""
    virsh = ("virsh", "--connect", "qemu:///system")
    capabilities = run([*virsh, "capabilities"]).stdout
    domain = run([*virsh, "domcapabilities", "--virttype", "kvm" if kvm else "qemu"]).stdout
    return parse_offers(capabilities, domain)
