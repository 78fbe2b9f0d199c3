"""What `antlet net show` prints: the antlets' network, and whether each part of it works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgelinux_hostd import firewall
from edgelinux_hostd.antlets.numbers import NETWORK, gateway, subnet
from edgelinux_hostd.network import defined, filters
from edgelinux_hostd.run import run

__all__ = ["describe", "is_up", "translates"]

_IFF_UP = 1  # netdevice(7)
_DEVICES = Path("/sys/class/net")


def is_up(device: str = NETWORK, devices: Path = _DEVICES) -> bool:
    """Say whether a device is there and switched on; a bridge without ports has no carrier and is."""
    try:
        return bool(int((devices / device / "flags").read_text(), 16) & _IFF_UP)
    except (OSError, ValueError):
        return False


def translates() -> bool:
    """Say whether the rules are loaded that let antlets reach the world."""
    done = run(["nft", "list", "chain", *firewall.TABLE.split(), firewall.OUTGOING], check=False)
    return done.returncode == 0 and "masquerade" in done.stdout


def describe(base_ip: str) -> dict[str, Any]:
    """Describe the network, in the words of the HTTP interface; raises EdgeLinuxError without libvirt."""
    return {
        "base-ip": base_ip,
        "gateway": gateway(base_ip),
        "subnet": subnet(base_ip),
        "bridge": NETWORK,
        "domain": NETWORK,
        "active": defined.active(),
        "bridge-up": is_up(),
        "nat": translates(),
        "filter": filters.present(),
        "leases": [
            {
                "number": lease.number,
                "ip": lease.ip,
                "mac": lease.mac,
                "hostname": lease.hostname,
                "expires": lease.expires,
            }
            for lease in defined.leases()
        ],
    }
