"""The antlets' network in libvirt: has it defined, running and started at boot, through libvirt-python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgelinux_hostd.antlets.numbers import NETWORK, number_of_mac
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.network import bblv
from edgelinux_hostd.network.names import prepare
from edgelinux_hostd.network.rebase import check_free

__all__ = ["Lease", "State", "active", "ensure", "leases", "rebase", "remove"]

_URI = "network:///system"


@dataclass(frozen=True)
class State:
    """How the network stands. `drift` names what of the running one is otherwise until it is started anew."""

    active: bool
    drift: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lease:
    """An address that dnsmasq gave away; `expires` in seconds since 1970."""

    number: int
    ip: str
    mac: str
    hostname: str
    expires: int


def ensure(base_ip: str) -> State:
    """Have the network defined, running and started at boot; may be called again at any time.

    A running network is never stopped: where it differs, the definition is brought up to date and the
    difference reported. Raises EdgeLinuxError, as when another interface of the host is in the same subnet.
    """
    import libvirt

    prepare()
    with _connection() as connection:
        network = _find(connection)
        wanted = bblv.render(base_ip, uuid=network.UUIDString() if network else "")
        if network is None or bblv.drift(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE), wanted):
            network = connection.networkDefineXML(wanted)
        if not network.autostart():
            network.setAutostart(1)
        if not network.isActive():
            network.create()
            return State(active=True)
        return State(active=True, drift=bblv.drift(network.XMLDesc(0), wanted))


def rebase(base_ip: str) -> State:
    """Start the network anew with another base IP; antlets that run on it would be cut off.

    Raises RefusedError, before anything is stopped, when the host is in that subnet already.
    """
    check_free(base_ip)
    with _connection() as connection:
        network = _find(connection)
        if network is not None and network.isActive():
            network.destroy()
    return ensure(base_ip)


def remove() -> None:
    """Stop the network and forget it."""
    with _connection() as connection:
        network = _find(connection)
        if network is not None:
            if network.isActive():
                network.destroy()
            network.undefine()


def active() -> bool:
    """Say whether the network runs."""
    with _connection() as connection:
        network = _find(connection)
        return network is not None and bool(network.isActive())


def leases() -> tuple[Lease, ...]:
    """List the addresses that antlets hold, by number."""
    with _connection() as connection:
        network = _find(connection)
        if network is None or not network.isActive():
            return ()
        return read_leases(network.DHCPLeases())


def read_leases(found: list[dict[str, Any]]) -> tuple[Lease, ...]:
    """Make leases of what libvirt says (virNetworkGetDHCPLeases); strangers' are left out."""
    read = []
    for lease in found:
        number = number_of_mac(str(lease.get("mac") or ""))
        if number is not None:
            read.append(
                Lease(
                    number,
                    str(lease["ipaddr"]),
                    str(lease["mac"]),
                    str(lease.get("hostname") or ""),
                    int(lease.get("expirytime") or 0),
                )
            )
    return tuple(sorted(read, key=lambda lease: lease.number))


@contextmanager
def _connection() -> Iterator[Any]:
    import libvirt

    try:
        connection = libvirt.open(_URI)
    except libvirt.libvirtError as error:
        raise EdgeLinuxError(
            f"cannot reach libvirt's networks: {error.get_error_message()}", hint="does libvirtd run?"
        ) from error
    try:
        yield connection
    except libvirt.libvirtError as error:
        said = str(error.get_error_message())
        hint = "give the antlets' network another base IP" if "already in use" in said else ""
        raise EdgeLinuxError(f"network {NETWORK}: {said}", hint=hint) from error
    finally:
        connection.close()


def _find(connection: Any) -> Any:
    # Not looked up by name, since libvirt writes to standard error what it does not find.
    return next((network for network in connection.listAllNetworks() if network.name() == NETWORK), None)
