"""One-time tokens: what a machine shows to get its kickstart. Kept as hashes, so that no file holds one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

__all__ = ["Limits", "Refusal", "Token", "check_kickstart", "check_report", "hash_token", "new_token"]


class Token(BaseModel):
    """A token that was given to a machine. Times are seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    hash: str
    """SHA-256, hex."""
    address: str
    """Whom it was given to."""
    issued: float
    used: float | None = None
    """When the kickstart was read with it."""


@dataclass(frozen=True)
class Limits:
    """How long tokens are good, in seconds, and whether only for the address that they were given to."""

    kickstart: float
    report: float
    check_address: bool = True


@dataclass(frozen=True)
class Refusal:
    """A status of HTTP and one line that says why."""

    status: int
    reason: str


def new_token() -> str:
    """Make a token: 192 random bits, in letters that need no quotes in a kernel command line or a menu."""
    return secrets.token_hex(24)


def hash_token(token: str) -> str:
    """Give what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_kickstart(
    token: Token, mac: str, macs: Iterable[str], address: str, now: float, limits: Limits
) -> Refusal | None:
    """Say why a token is no good for a kickstart; None when it is.

    `mac` is of the machine that it was given to, `macs` and `address` are those of who shows it.
    """
    if token.used is not None:
        return Refusal(410, f"token used twice: again from {address}, given to {token.address}")
    if now - token.issued > limits.kickstart:
        return Refusal(403, f"token expired after {limits.kickstart / 60:g} minutes: start the machine again")
    if limits.check_address and address != token.address:
        return Refusal(403, f"token came from {address}, given to {token.address}")
    if mac not in macs:
        return Refusal(403, f"token of {mac} came from a machine that has not this address")
    return None


def check_report(token: Token, mac: str, macs: Iterable[str], now: float, limits: Limits) -> Refusal | None:
    """Say why a token is no good for a report; None when it is.

    The address does not count: an installed host has the one of its kickstart.
    """
    macs = tuple(macs)
    if macs and mac not in macs:
        return Refusal(403, f"token of {mac} came with the report of another machine")
    end = token.issued + limits.kickstart if token.used is None else token.used + limits.report
    return Refusal(403, "token expired") if now > end else None
