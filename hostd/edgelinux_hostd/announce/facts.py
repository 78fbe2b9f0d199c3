"""What there is to announce: product, host name, addresses, SSH host keys' fingerprints, the next step."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgelinux_hostd.announce.logins import next_steps, read_logins
from edgelinux_hostd.run import run
from edgelinux_hostd.sshkeys import fingerprint, kind_of

__all__ = ["Facts", "fingerprints", "gather", "parse_addresses"]

_IMAGE_JSON = "usr/lib/edgelinux/image.json"

# The host's ends of antlets' interfaces and their network: nobody reaches the host there from outside.
_NOT_OURS = re.compile(r"^(lo$|veth|vnet|tap|antlet|bblv$)")


@dataclass(frozen=True)
class Facts:
    """One host. `addresses` maps interfaces to addresses; fingerprints are as ssh-keygen(1) -l writes them.

    `live`: this is a live system, which has nothing to announce but its addresses.
    """

    product: str = "edgeLinux OS"
    version: str = ""
    base: str = ""
    hostname: str = ""
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprints: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    live: bool = False

    @property
    def title(self) -> str:
        """Product, version and base in one line."""
        return " ".join(word for word in (self.product, self.version, self.base and f"({self.base})") if word)

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """All addresses, those of IPv4 first, since that is how people get there."""
        found = [address for addresses in self.addresses.values() for address in addresses]
        return tuple(sorted(dict.fromkeys(found), key=lambda address: ":" in address))


def gather(root: Path = Path("/")) -> Facts:
    """Look at this host. What cannot be read is left out; raises EdgeLinuxError when `ip` cannot be run."""
    image = _image(root)
    addresses = parse_addresses(run(["ip", "-json", "address"]).stdout)
    hostname = socket.gethostname()
    live = "edgelinux.pool=" not in _text(root / "proc/cmdline")
    about = Facts(
        product=str(image.get("product") or "edgeLinux OS"),
        version=str(image.get("version") or ""),
        base=str(image.get("base_label") or ""),
        hostname=hostname,
        addresses=addresses,
        live=live,
    )
    if live:
        return about
    steps = next_steps(read_logins(root), about.all_addresses[:1])
    return replace(about, fingerprints=fingerprints(root), next=steps)


def parse_addresses(ip_json: str) -> dict[str, tuple[str, ...]]:
    """Map interfaces to their global addresses, from what `ip -json address` prints; others are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for link in json.loads(ip_json or "[]"):
        name = str(link.get("ifname", ""))
        addresses = tuple(
            str(address["local"])
            for address in link.get("addr_info", ())
            # Temporary addresses (RFC 8981) are for going out, not for being found.
            if address.get("scope") == "global" and not address.get("temporary")
        )
        if addresses and not _NOT_OURS.match(name):
            found[name] = addresses
    return found


def fingerprints(root: Path = Path("/")) -> tuple[str, ...]:
    """Give the fingerprints of the host's SSH keys, first that of the kind which clients ask for first."""
    texts = [_text(path) for path in sorted((root / "etc/ssh").glob("ssh_host_*_key.pub"))]
    found = [f"{one} ({kind_of(text.split()[0])})" for text in texts if (one := fingerprint(text))]
    return tuple(sorted(found, key=lambda one: "(ED25519)" not in one))


def _image(root: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(root / _IMAGE_JSON))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
