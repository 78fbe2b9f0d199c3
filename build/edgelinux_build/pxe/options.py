"""What `edgelinux pxe serve` was asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The words of the command line."""

    interface: str
    iso: Path | None = None
    tree: Path | None = None
    """One of the two."""
    sites: Path | None = None
    """None: machines find nothing to install, and boot from their disks."""
    proxy: bool = False
    range: str = ""
    """FIRST,LAST; either this, or `proxy`."""
    router: str = ""
    dns: tuple[str, ...] = ()
    http_port: int = 8080
    https_port: int = 8443
    state: Path = Path("out/pxe")
    again: frozenset[str] = frozenset()
    """MACs that may be installed once more."""
    probe_seconds: float = 3.0
    """How long to listen for other DHCP servers."""
    runtime: Path = Path("/run/edgelinux-pxe")
    """For directories of what dnsmasq reads, which does not run as root."""
    arguments: tuple[str, ...] = field(default=())
    """What `edgelinux` was started with: for the message that names the command to run as root."""

    @property
    def runtime_directory(self) -> Path:
        """Of this process: others may serve interfaces of the same name, in other network namespaces."""
        return self.runtime / f"{self.interface}-{os.getpid()}"
