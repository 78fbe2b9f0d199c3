"""What the HTTP side of a network boot is told, and the errors that it cannot start with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.identity import Identity

__all__ = ["Entry", "PortInUseError", "PortRightError", "ServerConfig", "Sites"]

_NO_RIGHT = 3


class Entry(Protocol):
    """A kickstart and what it is for."""

    @property
    def key(self) -> str:
        """Such as `aa-bb-cc-dd-ee-ff`, `serial-X1`, `default`."""

    @property
    def text(self) -> str:
        """The kickstart."""


class Sites(Protocol):
    """Which machine gets which kickstart."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All kickstarts."""

    def find(self, identity: Identity, /) -> Entry | None:
        """Give the kickstart of a machine, None when there is none for it."""


@dataclass(frozen=True)
class ServerConfig:
    """What to serve, where, and to whom.

    `tree` is what `edgelinux pxe tree` made; all of it can be read by anybody, so `state_dir`, which has the
    server's key, must not be in it. `address` is the one IPv4 address to listen at, and to be reached at. A
    port of 0 takes any free one.
    """

    tree: Path
    address: str
    http_port: int
    https_port: int
    sites: Sites | None
    """None: every machine boots from its disk."""
    state_dir: Path
    """Key, certificate, machines.json, events.jsonl, again/."""
    token_seconds: float = 30 * 60
    """How long a machine has from its boot menu to its kickstart."""
    report_seconds: float = 24 * 3600
    """How long a machine may report after it was given its kickstart."""
    check_address: bool = True
    """A token is good for the address that it was given to, only. Off: where DHCP gives the boot loader one
    address, and the system that it starts another."""
    check_card: bool = True
    """A boot menu is only for who has the network card that it is for, where ARP says who that is. Off:
    where a bridge puts its own address in the place of those behind it."""
    again: frozenset[str] = frozenset()
    """MACs that may be installed once more, whatever state they are in."""
    arguments: tuple[str, ...] = ()
    """What `edgelinux` was started with: for the message that names the command to run as root."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Small files by path, in the place of the tree's: what boot loaders read first."""


class PortInUseError(EdgeLinuxError):
    """Another program listens at the address and port. Exit code 1."""


class PortRightError(EdgeLinuxError):
    """Only root may listen at ports as low as this one. Exit code 3, as everywhere when root is needed."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=_NO_RIGHT)
