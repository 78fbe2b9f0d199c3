"""Which network card an address belongs to, as the kernel knows it from ARP."""

from __future__ import annotations

from pathlib import Path

from edgelinux_installer.identity import normalise_mac

__all__ = ["neighbour"]

_ARP = Path("/proc/net/arp")
_COMPLETE = 0x2  # ATF_COM in linux/if_arp.h


def neighbour(address: str, table: Path = _ARP) -> str:
    """Give the MAC of the card that has an IPv4 address; "" when it is not known.

    It is not for this machine's own addresses, nor behind a router. proc_net(5) has the table's columns:
    address, type, flags, MAC, mask, device.
    """
    try:
        lines = table.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return ""
    for line in lines:
        words = line.split()
        if len(words) >= 4 and words[0] == address and int(words[2], 16) & _COMPLETE:
            return normalise_mac(words[3])
    return ""
