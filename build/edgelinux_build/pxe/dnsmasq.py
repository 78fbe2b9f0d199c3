"""dnsmasq's configuration: DHCP or proxy-DHCP, and TFTP, on one interface; no DNS (pure).

Sources: dnsmasq(8); client architectures RFC 4578 and IANA's registry of processor architecture types; HTTP
Boot UEFI specification 24.7; iPXE's option 175 ipxe.org/howto/dhcpd.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelinux_build.pxe import layout
from edgelinux_build.pxe.network import AddressRange, Interface

__all__ = ["DnsmasqConfig", "render"]

_TITLE = "edgeLinux"
_BIOS = 0
# IANA says 7, RFC 4578 said 9 before its erratum; firmware sends either.
_UEFI = (7, 9)
_HTTP_BOOT = 16


@dataclass(frozen=True)
class DnsmasqConfig:
    """What dnsmasq is to do."""

    interface: Interface
    range: AddressRange | None
    """The addresses to give; None: proxy-DHCP, beside a DHCP server that gives addresses."""
    http_url: str
    """Where firmware with HTTP Boot finds what TFTP has; without a slash at the end."""
    tftp_root: Path
    leases: Path
    router: str = ""
    """The machines' way out, and their name servers; empty: they get none."""
    dns: tuple[str, ...] = ()


def render(config: DnsmasqConfig) -> str:
    """Return dnsmasq's configuration file."""
    lines = [
        "# DHCP and TFTP of `edgelinux pxe serve`.",
        "port=0",
        f"interface={config.interface.name}",
        "except-interface=lo",
        # Beside dnsmasq and others that serve other interfaces.
        "bind-dynamic",
        "log-dhcp",
        # Firmware, boot loader and kernel name themselves differently, and are one machine.
        "dhcp-ignore-clid",
        f"dhcp-leasefile={config.leases}",
        # Some firmware does not look for options where file and server name are.
        "dhcp-no-override",
        "",
        f"enable-tftp={config.interface.name}",
        f"tftp-root={config.tftp_root}",
        "",
        "# Who asks: iPXE, or firmware of which kind",
        "dhcp-match=set:ipxe,175",
        "dhcp-userclass=set:ipxe,iPXE",
        f"dhcp-match=set:bios,option:client-arch,{_BIOS}",
        *(f"dhcp-match=set:uefi,option:client-arch,{number}" for number in _UEFI),
        f"dhcp-match=set:http,option:client-arch,{_HTTP_BOOT}",
        "",
        *(_dhcp(config, config.range) if config.range else _proxy(config)),
    ]
    return "".join(f"{line}\n" for line in lines)


def _dhcp(config: DnsmasqConfig, addresses: AddressRange) -> list[str]:
    return [
        "# DHCP: an address, and what to fetch",
        f"dhcp-range={addresses},{config.interface.network.netmask},1h",
        # An option without a value is not sent; else dnsmasq names itself.
        f"dhcp-option=option:router{',' + config.router if config.router else ''}",
        f"dhcp-option=option:dns-server{''.join(',' + server for server in config.dns)}",
        f"dhcp-boot=tag:bios,tag:!ipxe,{layout.BIOS}",
        f"dhcp-boot=tag:uefi,tag:!ipxe,{layout.SHIM}",
        f"dhcp-boot=tag:ipxe,{layout.IPXE}",
        *_http(config),
        # Firmware takes no answer to HTTP Boot that does not say so.
        "dhcp-option-force=tag:http,tag:!ipxe,option:vendor-class,HTTPClient",
    ]


def _proxy(config: DnsmasqConfig) -> list[str]:
    return [
        "# Proxy-DHCP: no addresses, only what to fetch",
        f"dhcp-range={config.interface.network.network_address},proxy,{config.interface.network.netmask}",
        # The name that a client gives is the one it gets back.
        "dhcp-pxe-vendor=PXEClient,HTTPClient",
        # BIOS follows a menu of one entry, UEFI is answered at port 4011. Numbers, since what dnsmasq calls
        # x86-64_EFI has been both of them. iPXE reads the file's name in the first answer.
        f"pxe-service=tag:!ipxe,{_BIOS},{_TITLE},{layout.BIOS}",
        *(f"pxe-service=tag:!ipxe,{number},{_TITLE},{layout.SHIM}" for number in _UEFI),
        f"dhcp-boot=tag:ipxe,{layout.IPXE},,{config.interface.address}",
        *_http(config),
    ]


def _http(config: DnsmasqConfig) -> list[str]:
    return [f"dhcp-boot=tag:http,tag:!ipxe,{config.http_url}/{layout.SHIM}"]
