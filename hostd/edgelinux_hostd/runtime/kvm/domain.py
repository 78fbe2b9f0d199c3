"""The domain XML that libvirt gets: an antlet's rendered template XML, with what its specification says.

The format is libvirt's (https://libvirt.org/formatdomain.html).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.kvm import devices

__all__ = ["NAMESPACE", "Facts", "finish"]

# Marks the domains that are antlets; what lacks it is somebody else's and is never touched.
NAMESPACE = "urn:edgelinux:antlet"
ET.register_namespace("edgelinux", NAMESPACE)

# As `virsh dumpxml` prints it, for those who read both; the rest comes before the devices.
_ORDER = (
    "name",
    "uuid",
    "metadata",
    "memory",
    "currentMemory",
    "vcpu",
    "os",
    "features",
    "cpu",
    "clock",
    "*",
)

# What only KVM can offer to a guest.
_KVM_FEATURES = ("hyperv", "kvm")
_KVM_TIMERS = ("hypervclock", "kvmclock", "tsc")


@dataclass(frozen=True)
class Facts:
    """What goes into a domain beside its launch: the host's KVM and CPUs, whether there is a seed."""

    kvm: bool = True
    cpus: int = 1
    seed: bool = False


def finish(launch: Launch, facts: Facts) -> str:
    """Give the XML to start an antlet with.

    Identity, memory, CPUs and network cards are the specification's, symbolic paths become the antlet's
    directory, and nothing makes libvirt keep a file outside it. Raises InvalidError.
    """
    spec = launch.spec
    try:
        # What has come this far was rendered by hostd from a template that it has checked and confined.
        domain = ET.fromstring(launch.xml)  # noqa: S314
    except ET.ParseError as error:
        raise InvalidError(f"the domain XML of {spec.name} cannot be read: {error}") from None
    if domain.tag != "domain":
        raise InvalidError(f"the domain XML of {spec.name} is a <{domain.tag}>, not a <domain>")
    domain.attrib.clear()
    domain.set("type", "kvm" if facts.kvm else "qemu")
    _identify(domain, launch)
    _size(domain, launch, facts)
    _firmware(domain, launch.directory)
    for label in domain.findall("seclabel"):
        domain.remove(label)  # the host's own confinement, not a template's
    for event, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "restart")):
        if domain.find(event) is None:
            ET.SubElement(domain, event).text = action
    devices.finish(devices.child(domain, "devices"), spec, facts.seed)
    _resolve(domain, f"/antlets/{spec.name}/", launch.directory)
    devices.sort(domain, _ORDER)
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def _identify(domain: ET.Element, launch: Launch) -> None:
    for tag, text in (("name", launch.spec.name), ("uuid", str(launch.spec.uuid))):
        devices.child(domain, tag).text = text
    metadata = devices.child(domain, "metadata")
    mark = f"{{{NAMESPACE}}}antlet"
    for old in metadata.findall(mark):
        metadata.remove(old)
    ET.SubElement(metadata, mark, {"number": str(launch.spec.number)})


def _size(domain: ET.Element, launch: Launch, facts: Facts) -> None:
    spec = launch.spec
    for tag in ("memory", "currentMemory", "maxMemory", "vcpu", "vcpus"):
        for old in domain.findall(tag):
            domain.remove(old)
    for tag in ("memory", "currentMemory"):
        ET.SubElement(domain, tag, {"unit": "MiB"}).text = str(spec.ram)
    # As many as the host has can be plugged in while the antlet runs.
    most = max(spec.cpu, facts.cpus)
    ET.SubElement(domain, "vcpu", {"placement": "static", "current": str(spec.cpu)}).text = str(most)

    cpu = domain.find("cpu")
    if cpu is None:
        cpu = ET.SubElement(domain, "cpu", {"mode": "host-passthrough", "check": "none"})
    if not facts.kvm:
        cpu.clear()
        cpu.set("mode", "maximum")
        _without_kvm(domain)
    for old in cpu.findall("topology"):
        cpu.remove(old)
    # One socket, since guests exist that use no more than one or two.
    ET.SubElement(cpu, "topology", {"sockets": "1", "cores": str(most), "threads": "1"})


def _without_kvm(domain: ET.Element) -> None:
    for features in domain.findall("features"):
        for feature in list(features):
            if feature.tag in _KVM_FEATURES:
                features.remove(feature)
    for clock in domain.findall("clock"):
        for timer in clock.findall("timer"):
            if timer.get("name") in _KVM_TIMERS:
                clock.remove(timer)


def _firmware(domain: ET.Element, directory: Path) -> None:
    """Keep the variables of UEFI in the antlet: libvirt would keep them in a directory of its own."""
    system = domain.find("os")
    loader = system.find("loader") if system is not None else None
    if system is None or (
        system.get("firmware") != "efi" and (loader is None or loader.get("type") != "pflash")
    ):
        return
    nvram = devices.child(system, "nvram")
    if not nvram.text:
        nvram.text = str(directory / "disks" / "nvram.fd")


def _resolve(domain: ET.Element, symbolic: str, directory: Path) -> None:
    """Make symbolic paths real: the antlet's dataset may be mounted anywhere."""
    for element in domain.iter():
        for key, value in element.attrib.items():
            if value.startswith(symbolic):
                element.set(key, _real(value, symbolic, directory))
        text = (element.text or "").strip()
        if text.startswith(symbolic):
            element.text = _real(text, symbolic, directory)


def _real(path: str, symbolic: str, directory: Path) -> str:
    inside = Path(path.removeprefix(symbolic))
    if ".." in inside.parts or inside.is_absolute():
        raise InvalidError(f"{path} leads out of the antlet's directory", hint="correct the template's XML")
    return str(directory / inside)
