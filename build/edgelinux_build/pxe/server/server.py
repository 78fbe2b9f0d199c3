"""Both web servers of a network boot, in threads."""

from __future__ import annotations

from edgelinux_build.pxe.server.config import ServerConfig
from edgelinux_build.pxe.server.ledger import Ledger

__all__ = ["PxeServer"]


class PxeServer:
    """Serves boot files and the medium over HTTP, kickstarts and reports over HTTPS."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.events = Ledger(config.state_dir)
        """Where DHCP and TFTP are to be told, and the machines are found."""

    @property
    def http_url(self) -> str:
        """Such as http://192.0.2.1:8080; with the real port once started."""
        return f"http://{self.config.address}:{self.config.http_port}"

    @property
    def https_url(self) -> str:
        """As http_url."""
        return f"https://{self.config.address}:{self.config.https_port}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex, lower case) of the certificate's DER, once started: the pin."""
        return ""

    def start(self) -> None:
        """Bind both ports, before anything else, and serve.

        Raises PortInUseError, PortRightError, EdgeLinuxError.
        """

    def stop(self) -> None:
        """Stop serving; does nothing when it was not started."""
