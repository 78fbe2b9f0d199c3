"""The console banner above the log-in prompt: product, version, host name, addresses (agetty(8), issue(5)).

Run by edgelinux-banner.service. It reads image.json without the library's models, since importing those takes
longer than all the rest.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = ["main", "parse_addresses", "render_banner"]

_ISSUE = Path("/run/issue.d/edgelinux.issue")
_IMAGE_JSON = Path("/usr/lib/edgelinux/image.json")

# The host's ends of antlets' interfaces, which have no addresses that a person could use.
_NOT_OURS = re.compile(r"^(lo|veth|vnet|tap)")


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


def render_banner(image: Mapping[str, Any], hostname: str, addresses: Mapping[str, tuple[str, ...]]) -> str:
    """Render the banner. Backslashes are doubled, since agetty(8) reads them as escapes."""
    title = f"{image.get('product', 'edgeLinux OS')} {image.get('version', '')}".rstrip()
    if label := image.get("base_label"):
        title += f" ({label})"
    width = max(map(len, addresses), default=0)
    lines = [f"  {name:<{width}}  {'  '.join(found)}" for name, found in addresses.items()]
    text = "\n".join(["", title, f"host {hostname}", *(lines or ["  no network address yet"]), "", ""])
    return text.replace("\\", "\\\\")


def main() -> int:
    """Write the banner and have the log-in prompts that are on show display it."""
    try:
        image = json.loads(_IMAGE_JSON.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        image = {}
    try:
        addresses = parse_addresses(run(["ip", "-json", "address"]).stdout)
        text = render_banner(image, socket.gethostname(), addresses)
        if not _ISSUE.exists() or _ISSUE.read_text(encoding="utf-8") != text:
            _ISSUE.parent.mkdir(exist_ok=True)
            _ISSUE.write_text(text, encoding="utf-8")
            run(["agetty", "--reload"], check=False)
    except (EdgeLinuxError, OSError) as error:
        print(f"edgelinux-banner: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
