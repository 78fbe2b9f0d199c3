"""What the kernel's command line says of a network boot: where things are, and who may be told what.

`edgelinux_build.menu.network_arguments` writes it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.report.pinned import same_origin

from edgelinux_installer.identity import Identity, normalise_mac

__all__ = ["NetworkBoot", "identity_headers", "network_boot", "this_boot"]


@dataclass(frozen=True)
class NetworkBoot:
    """The arguments, "" for those that are not given.

    `medium` is the base URL of what lies on a disc otherwise, `kickstart` that of inst.ks=; `cert` is the
    SHA-256 of the certificate of their servers, and `token` what they want to see. `bootif` is the MAC
    address of the card that was booted with.
    """

    medium: str = ""
    kickstart: str = ""
    notify: str = ""
    cert: str = ""
    token: str = ""
    bootif: str = ""

    def cert_for(self, url: str) -> str:
        """Give the certificate that a server has to have; only those named on the command line have ours."""
        return self.cert if self._is_ours(url, self.medium, self.kickstart, self.notify) else ""

    def token_for(self, url: str) -> str:
        """Give the token that a server may see."""
        return self.token if self._is_ours(url, self.kickstart, self.notify) else ""

    def _is_ours(self, url: str, *servers: str) -> bool:
        return any(same_origin(url, server) for server in servers if server)


def network_boot(command_line: str) -> NetworkBoot:
    """Read the kernel's command line. The last one of an argument counts, but of inst.ks the first."""
    found: dict[str, str] = {}
    try:
        words = shlex.split(command_line)
    except ValueError:
        # A quote without its other half; the kernel does not mind.
        words = command_line.split()
    for word in words:
        key, _, value = word.partition("=")
        if key == "inst.ks" and found.get(key):
            continue
        found[key] = value
    # PXELINUX, SYSAPPEND 2: the type of the hardware, 01 for Ethernet (RFC 1700), comes before the address.
    bootif = found.get("BOOTIF", "")
    mac = normalise_mac(bootif[3:]) if bootif[:3] in ("01-", "01:", "00-", "00:") else ""
    return NetworkBoot(
        medium=found.get("edgelinux.medium", "").rstrip("/"),
        kickstart=found.get("inst.ks", ""),
        notify=found.get("edgelinux.notify", ""),
        cert=found.get("edgelinux.cert", ""),
        token=found.get("edgelinux.token", ""),
        bootif=mac or normalise_mac(bootif),
    )


def this_boot(command_line: Path = Path("/proc/cmdline")) -> NetworkBoot:
    """Say how this machine was booted."""
    return network_boot(command_line.read_text(encoding="utf-8"))


def identity_headers(machine: Identity, sys: Path = Path("/sys")) -> dict[str, str]:
    """Give the headers by which a server knows the machine that asks for its kickstart.

    Those of the cards are Anaconda's (inst.ks.sendmac), and so is that of the serial number (inst.ks.sendsn).
    """
    names: dict[str, str] = {}
    for card in (sys / "class/net").glob("*/address"):
        names.setdefault(normalise_mac(card.read_text(encoding="ascii", errors="replace")), card.parent.name)
    headers = {
        f"X-RHN-Provisioning-MAC-{number}": f"{names.get(mac, 'unknown')} {mac}"
        for number, mac in enumerate(machine.macs)
    }
    if machine.serial:
        # What cannot stand in a header (RFC 9110, 5.5) makes no header of its own.
        headers["X-System-Serial-Number"] = machine.serial.encode("ascii", "replace").decode("ascii")
    if machine.uuid:
        headers["X-System-UUID"] = machine.uuid
    return headers
