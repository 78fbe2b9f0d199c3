"""What a running machine is: libvirt's words turned into ours, and changes made without a restart."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.runtime.base import State, Stats

__all__ = ["apply", "has_kvm", "state", "stats"]

# virDomainState of libvirt-domain.h. A machine that is shutting down still runs.
_STATES = {
    1: State.RUNNING,
    2: State.RUNNING,  # blocked: waits for its disks
    3: State.PAUSED,
    4: State.RUNNING,
    7: State.PAUSED,  # suspended by the guest itself
}


def state(number: int | None) -> State | None:
    """Give the state of a domain, or None when it does not run."""
    return _STATES.get(number or 0)


def has_kvm(capabilities: str) -> bool:
    """Tell from capabilities XML whether this host runs machines with KVM."""
    found = ET.fromstring(capabilities)  # noqa: S314 (libvirt's own words)
    return any(
        guest.findtext("os_type") == "hvm" and guest.find("arch/domain[@type='kvm']") is not None
        for guest in found.findall("guest")
    )


def stats(figures: Mapping[str, Any]) -> Stats:
    """Turn libvirt's figures of one domain (virConnectGetAllDomainStats) into ours."""

    def total(group: str, field: str) -> int:
        count = int(figures.get(f"{group}.count", 0))
        return sum(int(figures.get(f"{group}.{place}.{field}", 0)) for place in range(count))

    return Stats(
        cpu_seconds=int(figures.get("cpu.time", 0)) / 1e9,
        memory=int(figures.get("balloon.rss", 0)) * 1024,
        memory_limit=int(figures.get("balloon.current", 0)) * 1024,
        disk_read=total("block", "rd.bytes"),
        disk_written=total("block", "wr.bytes"),
        net_received=total("net", "rx.bytes"),
        net_sent=total("net", "tx.bytes"),
    )


def apply(domain: Any, spec: AntletSpec) -> tuple[str, ...]:
    """Bring a running domain in line with a specification; names the fields that wait for its next start."""
    import libvirt

    waits = []
    kib = spec.ram * 1024
    domain.setMemoryFlags(min(kib, domain.maxMemory()), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    if kib > domain.maxMemory():
        waits.append("ram")
    if domain.vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE) != spec.cpu:
        try:
            domain.setVcpusFlags(spec.cpu, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except libvirt.libvirtError:
            # More than the most it was started with, or fewer than it was started with, which no guest gives.
            waits.append("cpu")
    if _cards(domain.XMLDesc(0)) != _wanted_cards(spec):
        waits.append("nics")
    return tuple(waits)


def _cards(xml: str) -> list[tuple[str, ...]]:
    found = []
    for card in ET.fromstring(xml).findall("devices/interface"):  # noqa: S314 (libvirt's own words)
        kind = card.get("type", "")
        found.append(
            (
                kind,
                _value(card, "source", kind),
                _value(card, "model", "type"),
                _value(card, "mac", "address"),
            )
        )
    return sorted(found)


def _value(element: ET.Element, tag: str, attribute: str) -> str:
    found = element.find(tag)
    return "" if found is None else found.get(attribute, "")


def _wanted_cards(spec: AntletSpec) -> list[tuple[str, ...]]:
    return sorted(
        (nic.type, nic.source, nic.model, nic.mac or numbers.mac(spec.number, card))
        for card, nic in enumerate(spec.nics)
    )
