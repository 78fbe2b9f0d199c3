"""The HTTP side of `edgelinux pxe serve`: what machines fetch after TFTP, and what they report.

    config = ServerConfig(tree, "192.0.2.1", 80, 443, sites, state_dir)
    server = PxeServer(config)
    server.start()                                  # raises PortInUseError, PortRightError
    server.events.dhcp("aa:bb:cc:dd:ee:ff", "192.0.2.50")
    ...
    server.stop()

`display` shows the machines meanwhile; `outcome` says when enough are there, and what became of them.
"""

from edgelinux_build.pxe.server.config import PortInUseError, PortRightError, ServerConfig
from edgelinux_build.pxe.server.machines import Machine, State
from edgelinux_build.pxe.server.server import PxeServer

__all__ = ["Machine", "PortInUseError", "PortRightError", "PxeServer", "ServerConfig", "State"]
