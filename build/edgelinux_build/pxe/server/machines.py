"""Machines that boot from the network, and how far each one is. Pure: reads no clock and no file."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

__all__ = ["Machine", "State"]


class State(StrEnum):
    """How far a machine is."""

    SEEN = "seen"
    """It asked for an address."""
    LOADING = "loading"
    """It fetches boot files."""
    BOOTING = "booting"
    """It fetched the kernel."""
    MEDIUM = "medium"
    """It fetches the system."""
    GIVEN = "given"
    """It has read its kickstart."""
    INSTALLING = "installing"
    INSTALLED = "installed"
    UP = "up"
    """The installed host runs."""
    FAILED = "failed"
    REFUSED = "refused"
    """It asked for a kickstart that it may not read."""
    NOTHING = "no kickstart"
    DISK = "disk"
    """It was told to boot from its disk."""


class Machine(BaseModel):
    """What is known of a machine. Times are seconds since 1970; "" and None are what is not known."""

    model_config = ConfigDict(frozen=True)

    mac: str
    """Lower case, with colons: the card that it boots from."""
    macs: tuple[str, ...] = ()
    serial: str = ""
    uuid: str = ""
    hostname: str = ""
    address: str = ""
    addresses: tuple[str, ...] = ()
    """Of the installed host."""
    fingerprints: tuple[str, ...] = ()
    """Of the installed host's SSH keys."""
    state: State = State.SEEN
    step: str = ""
    percent: int | None = None
    message: str = ""
    """Why it failed, or was refused."""
    warning: str = ""
    """What somebody should look into, whatever the state."""
    kickstart: str = ""
    """Key of the kickstart that it was given."""
    since: float = 0.0
    """When the state began."""
    last: float = 0.0
    """When it was last heard of."""
    event: str = ""
    """What it did then."""
