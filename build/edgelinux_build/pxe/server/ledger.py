"""All machines, from several threads: told what happens, asked how far each is."""

from __future__ import annotations

from pathlib import Path

from edgelinux_build.pxe.server.machines import Machine

__all__ = ["Ledger"]


class Ledger:
    """Keeps machines.json and events.jsonl in a directory."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir

    def dhcp(self, mac: str, address: str = "") -> None:
        """A machine asked for an address, or was given one."""

    def fetched(self, address: str, file: str) -> None:
        """A machine fetched a boot file by TFTP."""

    def warn(self, text: str, mac: str = "") -> None:
        """Something that whoever looks after the machines should know: of one machine, or of the network."""

    def machines(self) -> tuple[Machine, ...]:
        """All machines, the one first that was seen first."""
        return ()

    def warnings(self) -> tuple[str, ...]:
        """The network's warnings, oldest first."""
        return ()
