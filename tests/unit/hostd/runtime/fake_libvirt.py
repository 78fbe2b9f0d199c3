"""A libvirt in memory, for a build host that has none: put into `sys.modules` under its name.

Its constants are those of libvirt's headers, which are its ABI; test_kvm_libvirt.py runs the same code with
the real module where there is one.
"""

from __future__ import annotations

import types
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

CONSTANTS = {
    "VIR_ERR_INTERNAL_ERROR": 1,
    "VIR_ERR_SYSTEM_ERROR": 38,
    "VIR_ERR_NO_DOMAIN": 42,
    "VIR_ERR_OPERATION_INVALID": 55,
    "VIR_ERR_OPERATION_UNSUPPORTED": 84,
    "VIR_ERR_NO_DOMAIN_METADATA": 80,
    "VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE": 1,
    "VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT": 1 << 29,
    "VIR_DOMAIN_STATS_STATE": 1,
    "VIR_DOMAIN_STATS_CPU_TOTAL": 2,
    "VIR_DOMAIN_STATS_BALLOON": 4,
    "VIR_DOMAIN_STATS_INTERFACE": 16,
    "VIR_DOMAIN_STATS_BLOCK": 32,
    "VIR_DOMAIN_METADATA_ELEMENT": 2,
    "VIR_DOMAIN_AFFECT_LIVE": 1,
    "VIR_DOMAIN_SHUTDOWN_DEFAULT": 0,
    "VIR_DOMAIN_EVENT_ID_LIFECYCLE": 0,
}

CAPABILITIES = """\
<capabilities><guest><os_type>hvm</os_type>
<arch name='x86_64'><domain type='qemu'/>{kvm}</arch>
</guest></capabilities>
"""


class libvirtError(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    def get_error_code(self) -> int:
        return self.code

    def get_error_message(self) -> str:
        return str(self)


def _no_domain(name: str) -> libvirtError:
    return libvirtError(f"Domain not found: no domain '{name}'", CONSTANTS["VIR_ERR_NO_DOMAIN"])


class Domain:
    def __init__(self, host: Host, xml: str, number: int) -> None:
        self.host, self.xml, self.number = host, xml, number
        self.root = ET.fromstring(xml)  # noqa: S314
        self.running = 1  # virDomainState
        self.presses = 0
        self.cpus = int(self.root.find("vcpu").get("current", "1"))  # type: ignore[union-attr]
        self.memory = int(self.root.findtext("memory", "0")) * 1024
        self.balloon = self.memory
        self.figures: dict[str, Any] = {}

    def name(self) -> str:
        return self.root.findtext("name", "")

    def UUIDString(self) -> str:
        return self.root.findtext("uuid", "")

    def ID(self) -> int:
        return self.number

    def XMLDesc(self, _flags: int) -> str:
        self._alive()
        return ET.tostring(self.root, encoding="unicode")

    def metadata(self, kind: int, uri: str) -> str:
        self.host.on_metadata(self)
        self._alive()
        self.host.asked_metadata += 1
        assert kind == CONSTANTS["VIR_DOMAIN_METADATA_ELEMENT"]
        found = self.root.find(f"metadata/{{{uri}}}antlet")
        if found is None:
            raise libvirtError("metadata not found", CONSTANTS["VIR_ERR_NO_DOMAIN_METADATA"])
        return ET.tostring(found, encoding="unicode")

    def _alive(self) -> None:
        if self.name() not in self.host.domains:
            raise _no_domain(self.name())

    def state(self) -> list[int]:
        self._alive()
        return [self.running, 1]

    def suspend(self) -> None:
        self._only_from(1)
        self.running = 3

    def resume(self) -> None:
        self._only_from(3)
        self.running = 1

    def _only_from(self, state: int) -> None:
        self._alive()
        if self.running != state:
            raise libvirtError(
                "Requested operation is not valid: domain is not in that state",
                CONSTANTS["VIR_ERR_OPERATION_INVALID"],
            )

    def shutdownFlags(self, _flags: int) -> None:
        self._only_from(1)
        self.presses += 1
        self.host.on_press(self)

    def destroy(self) -> None:
        self._alive()
        del self.host.domains[self.name()]

    def maxMemory(self) -> int:
        return self.memory

    def setMemoryFlags(self, kib: int, _flags: int) -> None:
        assert kib <= self.memory
        self.balloon = kib

    def vcpusFlags(self, _flags: int) -> int:
        return self.cpus

    def setVcpusFlags(self, count: int, _flags: int) -> None:
        most = int(self.root.findtext("vcpu", "1"))
        if not self.cpus <= count <= most:
            raise libvirtError("failed to find appropriate hotpluggable vcpus", 1)
        self.cpus = count


class Connect:
    """A connection; `broken` makes it behave as after a restart of libvirt's daemon."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.broken = False
        self.closed = False
        self.on_close: Callable[[], None] = lambda: None
        self.on_event: Callable[[Domain, int], None] = lambda _domain, _event: None

    def isAlive(self) -> int:
        if self.closed:
            raise libvirtError("invalid connection pointer in virConnectIsAlive", 6)
        return int(not self.broken)

    def close(self) -> int:
        self.closed = True
        return 0

    def registerCloseCallback(self, callback: Callable[..., None], opaque: Any) -> None:
        self.on_close = lambda: callback(self, 1, opaque)

    def unregisterCloseCallback(self) -> None:
        self.on_close = lambda: None

    def domainEventRegisterAny(
        self, domain: None, kind: int, callback: Callable[..., None], opaque: Any
    ) -> None:
        assert (domain, kind) == (None, CONSTANTS["VIR_DOMAIN_EVENT_ID_LIFECYCLE"])
        self.on_event = lambda domain, event: callback(self, domain, event, 0, opaque)

    def breaks_off(self) -> None:
        self.broken = True
        self.on_close()

    def tells(self, domain: Domain, event: int) -> None:
        self.on_event(domain, event)

    def _check(self) -> None:
        if self.host.breaks:
            self.host.breaks -= 1
            self.broken = True
        if self.closed:
            raise libvirtError("invalid connection pointer", 6)
        if self.broken:
            raise libvirtError("End of file while reading data", CONSTANTS["VIR_ERR_SYSTEM_ERROR"])

    def getCapabilities(self) -> str:
        self._check()
        return CAPABILITIES.format(kvm="<domain type='kvm'/>" if self.host.kvm else "")

    def getDomainCapabilities(self, emulator: None, arch: None, machine: None, kind: str, _flags: int) -> str:
        self._check()
        return f"<domainCapabilities><domain>{kind}</domain></domainCapabilities>"

    def lookupByName(self, name: str) -> Domain:
        self._check()
        if name not in self.host.domains:
            raise _no_domain(name)
        return self.host.domains[name]

    def createXML(self, xml: str, _flags: int) -> Domain:
        self._check()
        if self.host.refuses:
            raise libvirtError(self.host.refuses, CONSTANTS["VIR_ERR_INTERNAL_ERROR"])
        return self.host.add(xml)

    def getAllDomainStats(self, _stats: int, _flags: int) -> list[tuple[Domain, dict[str, Any]]]:
        self._check()
        self.host.listed += 1
        return [(domain, {"state.state": domain.running}) for domain in self.host.domains.values()]

    def domainListGetStats(
        self, domains: list[Domain], _stats: int, _flags: int
    ) -> list[tuple[Domain, dict[str, Any]]]:
        self._check()
        return [(domain, domain.figures) for domain in domains]


class Host:
    """What libvirt's daemon holds, and what tests turn."""

    def __init__(self) -> None:
        self.domains: dict[str, Domain] = {}
        self.opened: list[Connect] = []
        self.kvm = True
        self.unreachable = False
        self.refuses = ""
        self.breaks = 0
        self.listed = 0
        self.asked_metadata = 0
        self.on_press: Callable[[Domain], None] = Domain.destroy
        self.on_metadata: Callable[[Domain], None] = lambda _domain: None

    def add(self, xml: str) -> Domain:
        domain = Domain(self, xml, len(self.domains) + 1)
        if domain.name() in self.domains:
            raise libvirtError(f"domain '{domain.name()}' is already active", 55)
        self.domains[domain.name()] = domain
        return domain

    def open(self, uri: str) -> Connect:
        if self.unreachable:
            raise libvirtError(f"Failed to connect socket to '{uri}': Connection refused", 38)
        self.opened.append(Connect(self))
        return self.opened[-1]


def module(host: Host) -> types.ModuleType:
    """Give a module that stands in for libvirt."""
    made: Any = types.ModuleType("libvirt")
    made.__dict__.update(CONSTANTS)
    made.libvirtError = libvirtError
    made.open = host.open
    made.registerErrorHandler = lambda _handler, _context: 0
    return made  # type: ignore[no-any-return]
