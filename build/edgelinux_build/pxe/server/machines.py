"""Machines that boot from the network, and how far each one is. Pure: reads no clock and no file.

What makes a machine erase its disks is `decide`. It says so once: from when the kickstart was read until a
failure is reported, `Machine.taken` holds, and the machine is sent to its disk, however often it boots from
the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from edgelinux_build.pxe.server.tokens import Token

__all__ = ["Decision", "Machine", "State", "decide", "printable"]

_LONGEST = 300


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


class Machine(BaseModel):
    """What is known of a machine. Times are seconds since 1970; "" and None are what is not known."""

    model_config = ConfigDict(frozen=True)

    mac: str
    """Lower case, with colons: the card that it boots from."""
    macs: tuple[str, ...] = ()
    serial: str = ""
    uuid: str = ""
    identified: bool = False
    """Whether serial and uuid are what the machine says, even if that is nothing."""
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
    taken: bool = False
    """Its kickstart was read, or it reported an installation, and no failure since."""
    token: Token | None = None
    """The last one; those before it are good for nothing."""
    since: float = 0.0
    """When the state began."""
    last: float = 0.0
    """When it was last heard of."""
    event: str = ""
    """What it did then."""

    def known_macs(self) -> tuple[str, ...]:
        """All its MACs that are known, without saying one twice."""
        return tuple(dict.fromkeys((self.mac, *self.macs)))


def printable(text: str) -> str:
    """Leave nothing in a text that a terminal acts on: who may ask is not who may draw on a screen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:_LONGEST]).split())


@dataclass(frozen=True)
class Decision:
    """What a machine that boots from the network gets: the installer, or its own disk; and why."""

    install: bool
    reason: str


def decide(machine: Machine, known: bool | None, *, again: bool) -> Decision:
    """Say what a machine boots.

    `known`: whether there is a kickstart for it; None when that depends on what it has not said yet.
    `again`: a person asked for it to be installed once more.
    """
    if known is False:
        return Decision(False, "no kickstart for this machine")
    if again:
        return Decision(True, "installed again, as asked for")
    if machine.taken:
        return Decision(False, f"{_TAKEN.get(machine.state, 'was given its kickstart')}: not installed again")
    if machine.state is State.FAILED:
        return Decision(True, "tried again after a failure")
    return Decision(
        True, "has a kickstart here" if known else "asks for its kickstart by serial number or UUID"
    )


_TAKEN = {
    State.INSTALLING: "an installation began",
    State.INSTALLED: "is installed",
    State.UP: "is installed",
}
