"""From a kickstart's `network` lines and the machine's cards to the network interfaces of the new host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edgelinux_installer.kickstart import Kickstart, Network
from edgelinux_installer.nics import Nic, pick

__all__ = ["DEFAULT_NETWORK", "Interface", "resolve"]

DEFAULT_NETWORK = Network(device="br0", ports=("link",), bridge_options=(("stp", "false"),))

# Linux: IFNAMSIZ is 16, with the byte that ends it.
_NAME_LENGTH = 15


@dataclass(frozen=True)
class Interface:
    """One interface. `name` is its own, except for cards, which are known by `nic` (None: no card is there).

    `controller` is the bridge or bond that it is a port of, `parent` what a VLAN lies on; both are names of
    other interfaces. `network` is the line that gives it addresses (None: it has none). A bridge has the
    card in `nic` whose MAC address it takes.
    """

    name: str
    kind: Literal["ethernet", "bond", "bridge", "vlan"]
    nic: Nic | None = None
    controller: str = ""
    parent: str = ""
    vlan: int = 0
    options: tuple[tuple[str, str], ...] = ()
    network: Network | None = None
    mtu: int = 0
    onboot: bool = True


def resolve(ks: Kickstart, nics: Sequence[Nic]) -> tuple[Interface, ...]:
    """Give all interfaces. Raises KickstartError when a card is not there, or is meant to be two things."""
    return _Resolver(ks, nics).all()


class _Resolver:
    def __init__(self, ks: Kickstart, nics: Sequence[Nic]) -> None:
        self.ks = ks
        self.nics = nics
        self.lines = ks.networks or (DEFAULT_NETWORK,)
        self.virtual = {net.device for net in self.lines if net.ports or net.bond_ports}
        self.found: dict[str, Interface] = {}
        self.ports: dict[str, tuple[str, ...]] = {}
        # Which interface a card has become, by its address.
        self.cards: dict[str, str] = {}

    def all(self) -> tuple[Interface, ...]:
        # Bridges and bonds first, then what lies on something, then cards that stand alone.
        for net in self.lines:
            if net.ports or net.bond_ports:
                self.add_controller(net)
        for net in self.lines:
            if not (net.ports or net.bond_ports or net.vlan):
                self.add_card(net)
        for net in self.lines:
            if net.vlan:
                self.add_vlan(net)
        for net in self.lines:
            self.add_ports(net)
        self.check_cycles()
        return tuple(self.with_card(interface) for interface in self.found.values())

    def add(self, interface: Interface, net: Network) -> None:
        if interface.name in self.found:
            raise self.ks.error(net.line, f"device {interface.name} is configured twice")
        if interface.kind != "ethernet" and any(interface.name == nic.name for nic in self.nics):
            raise self.ks.error(net.line, f"{interface.name} is the name of a network card", "another name")
        self.found[interface.name] = interface

    def add_controller(self, net: Network) -> None:
        kind: Literal["bridge", "bond"] = "bridge" if net.ports else "bond"
        self.add(
            Interface(
                net.device,
                kind,
                options=net.bridge_options if net.ports else net.bond_options,
                # On one line, the bond is what the VLAN lies on, and the addresses are the VLAN's.
                network=None if net.vlan else net,
                mtu=net.mtu,
                onboot=net.onboot,
            ),
            net,
        )

    def add_card(self, net: Network) -> None:
        nic = self.card(net.device, net)
        name = nic.name if nic else net.device
        self.add(Interface(name, "ethernet", nic, network=net, mtu=net.mtu, onboot=net.onboot), net)
        self.note_card(nic, name, net)

    def add_vlan(self, net: Network) -> None:
        parent = net.device if net.device in self.virtual | self.found.keys() else self.carrier(net)
        name = net.vlan_name or f"{parent}.{net.vlan}"
        if len(name) > _NAME_LENGTH:
            raise self.ks.error(
                net.line, f"{name} is too long for a device", f"--interfacename=vlan{net.vlan}"
            )
        vlan = Interface(
            name, "vlan", parent=parent, vlan=net.vlan, network=net, mtu=net.mtu, onboot=net.onboot
        )
        self.add(vlan, net)

    def carrier(self, net: Network) -> str:
        """Give the card that VLANs lie on, without addresses unless a line of its own gives it some."""
        nic = self.card(net.device, net)
        if nic is None:
            raise self.ks.error(net.line, "there is no network card for the VLAN", "leave the line out")
        if nic.mac not in self.cards:
            self.note_card(nic, nic.name, net)
            self.add(Interface(nic.name, "ethernet", nic, mtu=net.mtu, onboot=net.onboot), net)
        return self.cards[nic.mac]

    def add_ports(self, net: Network) -> None:
        ports = net.ports or net.bond_ports
        names = []
        for number, port in enumerate(ports, start=1):
            if port in self.found and self.found[port].kind != "ethernet":
                self.found[port] = replace(self.found[port], controller=net.device, network=None)
                names.append(port)
                continue
            nic = self.card(port, net)
            if nic is None:
                continue
            name = f"{net.device}-port" if len(ports) == 1 else f"{net.device}-port{number}"
            self.note_card(nic, name, net)
            self.add(
                Interface(name, "ethernet", nic, controller=net.device, mtu=net.mtu, onboot=net.onboot), net
            )
            names.append(name)
        if ports:
            self.ports[net.device] = tuple(names)

    def note_card(self, nic: Nic | None, name: str, net: Network) -> None:
        if nic is None:
            return
        if nic.mac in self.cards:
            raise self.ks.error(
                net.line,
                f"the network card {nic.name} ({nic.mac}) is configured twice",
                "a card is part of one bridge or bond, or has addresses or VLANs of its own",
            )
        self.cards[nic.mac] = name

    def card(self, device: str, net: Network) -> Nic | None:
        nic = pick(device, self.nics)
        if nic is None and device != "link":
            present = ", ".join(f"{nic.name} ({nic.mac})" for nic in self.nics) or "none"
            if device == "bootif":
                raise self.ks.error(
                    net.line,
                    f"bootif: the kernel's command line has no BOOTIF= of a network card; present: {present}",
                    "link, or a MAC address; BOOTIF=01-MAC comes with a network boot",
                )
            raise self.ks.error(net.line, f"there is no network card {device}; present: {present}")
        return nic

    def check_cycles(self) -> None:
        for net in self.lines:
            start = net.device
            waiting, seen = list(self.below(start)), set()
            while waiting:
                name = waiting.pop()
                if name == start and name in self.virtual:
                    raise self.ks.error(net.line, f"{name} lies on itself")
                if name not in seen:
                    seen.add(name)
                    waiting += self.below(name)

    def below(self, name: str) -> tuple[str, ...]:
        interface = self.found.get(name)
        return self.ports.get(name, (interface.parent,) if interface and interface.parent else ())

    def with_card(self, interface: Interface) -> Interface:
        """Give a bridge the address of the first card below it, and ports at least its frame size."""
        above = self.found.get(interface.controller)
        if above and above.mtu > interface.mtu:
            interface = replace(interface, mtu=above.mtu)
        return replace(interface, nic=self.first_card(interface)) if interface.kind == "bridge" else interface

    def first_card(self, interface: Interface) -> Nic | None:
        if interface.kind == "ethernet":
            return interface.nic
        cards = (self.first_card(self.found[name]) for name in self.below(interface.name))
        return next((nic for nic in cards if nic), None)
