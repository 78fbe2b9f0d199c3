"""`edgelinux pxe serve`: dnsmasq and the web servers, started in order, watched, and ended together."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.medium.image import open_iso
from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.pxe import dnsmasqlog, layout
from edgelinux_build.pxe.configs import first_grub_cfg, first_ipxe
from edgelinux_build.pxe.dhcpprobe import find_servers
from edgelinux_build.pxe.dnsmasq import DnsmasqConfig, render
from edgelinux_build.pxe.network import (
    AddressRange,
    Interface,
    find_interface,
    parse_range,
    suggest_range,
)
from edgelinux_build.pxe.options import Options
from edgelinux_build.pxe.ports import DHCP, PROXY, TFTP, check_udp
from edgelinux_build.pxe.runtime import claimed, lay_out, runtime_directory, signals_as_event
from edgelinux_build.pxe.server import PortRightError, PxeServer, ServerConfig
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.neighbours import neighbour
from edgelinux_build.pxe.supervise import Dnsmasq, argv, unprivileged
from edgelinux_build.pxe.tree import make_tree
from edgelinux_build.rights import sudo_command
from edgelinux_build.sites import Sites, load_sites

__all__ = ["Running", "configuration", "serve"]

_USAGE = 2
_WATCH_SECONDS = 0.5


class Running:
    """What serves now, for whoever shows it."""

    def __init__(self, server: PxeServer, dnsmasq: Dnsmasq, about: tuple[str, ...]) -> None:
        self.server = server
        self.about = about
        """Lines that say what is served, where, and to whom."""
        self._dnsmasq = dnsmasq
        self.stopped = threading.Event()
        """Set when it is time to end."""

    def wait(self, seconds: float = _WATCH_SECONDS) -> bool:
        """Wait a moment; returns whether to go on. Raises EdgeLinuxError when dnsmasq has ended."""
        ended = self.stopped.wait(seconds)
        if not ended and (said := self._dnsmasq.problem()):
            raise EdgeLinuxError(f"dnsmasq ended, and so everything is stopped: {said}")
        return not ended


def configuration(options: Options) -> str:
    """Return what dnsmasq would be told; needs no root. Raises EdgeLinuxError."""
    interface = find_interface(options.interface)
    return render(_dnsmasq_config(options, interface, _url(interface, options), options.folder))


def serve(options: Options, say: Callable[[str], None], show: Callable[[Running], int]) -> int:
    """Serve as long as `show` runs, which has to return when told so; returns the exit code that it gives.

    `say` is told what a person should know: warnings, and what takes its time. Whatever can be refused is
    refused before anything is served. Raises EdgeLinuxError.
    """
    interface = find_interface(options.interface)
    addresses = _addresses(options, interface)
    _check_right(options)
    user = unprivileged()
    command = argv(options.folder / "dnsmasq.conf", user)
    for port, what in ((DHCP, "DHCP"), (TFTP, "TFTP"), *(((PROXY, "proxy-DHCP"),) if options.proxy else ())):
        check_udp(interface, port, what)
    with ExitStack() as running:
        running.enter_context(claimed(options.state))
        tree, info = _tree(options, say)
        sites = load_sites(options.sites, info, unattended=True) if options.sites else None
        warnings = other_servers(options, interface)
        runtime = running.enter_context(runtime_directory(options, user.pw_uid))
        stopping = running.enter_context(signals_as_event())
        url = _url(interface, options)
        first = {layout.grub_cfg(info): first_grub_cfg(url), layout.IPXE: first_ipxe(url)}
        server = PxeServer(_server_config(options, interface, tree, sites, first))
        server.start()
        running.callback(server.stop)
        config = _dnsmasq_config(options, interface, url, runtime)
        lay_out(tree, runtime, first, render(config))
        dnsmasq = Dnsmasq(command, options.state / "dnsmasq.log", _hearer(server.events, config.tftp_root))
        running.callback(dnsmasq.stop)
        dnsmasq.start()
        for text in warnings:
            say(f"warning: {text}")
            server.events.warn(text)
        found = Running(server, dnsmasq, _about(options, interface, addresses, info, sites, server))
        found.stopped = stopping
        return show(found)


def other_servers(options: Options, interface: Interface) -> tuple[str, ...]:
    """Look who gives addresses already, and return what to warn of; raises EdgeLinuxError."""
    found = find_servers(interface, options.probe_seconds)
    names = " and ".join(server.address for server in found)
    if options.proxy and not found:
        return (
            f"no DHCP server answers on {interface.name}: with --proxy machines get no address from here",
        )
    if options.proxy and len(found) > 1:
        return (f"{len(found)} DHCP servers on {interface.name}: {names}; a machine takes either's address",)
    if not options.proxy and found:
        return (
            f"another DHCP server on {interface.name}: {names}; machines may take its answer, and find "
            "nothing to boot: stop it, or use --proxy",
        )
    return ()


def _addresses(options: Options, interface: Interface) -> AddressRange | None:
    """Return what is to be given, None with `proxy`."""
    for address in (options.router, *options.dns):
        try:
            IPv4Address(address or interface.address)
        except AddressValueError as error:
            raise EdgeLinuxError(f"{address} is not an IPv4 address", exit_code=_USAGE) from error
    if options.proxy:
        return None
    if not options.range:
        raise EdgeLinuxError(
            f"who gives addresses on {interface.name}?",
            hint=f"--proxy: a DHCP server that is there; or --range {suggest_range(interface)}: this one",
            exit_code=_USAGE,
        )
    return parse_range(options.range, interface)


def _check_right(options: Options) -> None:
    if os.geteuid() != 0:
        command = shlex.join(sudo_command(options.arguments, ask=True))
        raise PortRightError(
            f"no right to serve DHCP and TFTP on {options.interface}", hint=f"run: {command}"
        )


def _tree(options: Options, say: Callable[[str], None]) -> tuple[Path, MediaInfo]:
    """Return the tree to serve: the one that was named, or the ISO's, kept in the state's directory."""
    if options.tree:
        return options.tree, layout.check_tree(options.tree)
    assert options.iso  # noqa: S101  (the command line has one of both)
    image, tree = open_iso(options.iso), options.state / "tree"
    try:
        if layout.check_tree(tree) == image.info:
            return tree, image.info
    except EdgeLinuxError:
        pass
    say(f"laying out {options.iso} in {tree}")
    return tree, make_tree(options.iso, tree, force=True)


def _url(interface: Interface, options: Options) -> str:
    return f"http://{interface.address}" + (f":{options.http_port}" if options.http_port != 80 else "")


def _server_config(
    options: Options, interface: Interface, tree: Path, sites: Sites | None, texts: Mapping[str, str]
) -> ServerConfig:
    return ServerConfig(
        tree=tree,
        address=interface.address,
        http_port=options.http_port,
        https_port=options.https_port,
        sites=sites,
        state_dir=options.state / "server",
        # What gives the addresses beside a proxy may give boot loader and kernel different ones.
        check_address=not options.proxy,
        again=options.again,
        arguments=options.arguments,
        texts=texts,
    )


def _dnsmasq_config(options: Options, interface: Interface, url: str, runtime: Path) -> DnsmasqConfig:
    return DnsmasqConfig(
        interface=interface,
        range=_addresses(options, interface),
        http_url=url,
        tftp_root=runtime / "tftp",
        leases=runtime / "leases",
        router=options.router,
        dns=options.dns,
    )


def _hearer(events: Ledger, root: Path) -> Callable[[str], None]:
    """Return what tells the server what dnsmasq's log says."""

    def hear(line: str) -> None:
        match dnsmasqlog.parse(line, str(root)):
            case dnsmasqlog.Asked(mac, address):
                events.dhcp(mac, address)
            case dnsmasqlog.Fetched(address, file):
                if events.at(address) is None and (mac := neighbour(address)):
                    events.dhcp(mac, address)
                events.fetched(address, file)
            case dnsmasqlog.Trouble(mac, text):
                events.warn(text, mac)

    return hear


def _about(
    options: Options,
    interface: Interface,
    addresses: AddressRange | None,
    info: MediaInfo,
    sites: Sites | None,
    server: PxeServer,
) -> tuple[str, ...]:
    gives = f"gives {addresses.first} to {addresses.last}" if addresses else "proxy, beside the network's own"
    whom = "none: every machine boots from its disk (--sites DIR)"
    if sites is not None:
        whom = f"{len(sites.entries)} from {sites.directory}: {', '.join(e.key for e in sites.entries)}"
    return (
        f"{info.product} {info.version} ({info.base_label}) on {interface.name}, {interface.address}",
        f"DHCP:        {gives}",
        f"boot files:  TFTP and {server.http_url}",
        f"kickstarts:  {server.https_url}, certificate SHA-256 {server.fingerprint}",
        f"sites:       {whom}",
    )
