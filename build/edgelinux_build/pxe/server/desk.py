"""Deciding what machines get: their boot, their kickstart, whether their report counts. No HTTP in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from edgelinux_hostd.report.model import Report
from edgelinux_installer.identity import Identity, normalise_serial, normalise_uuid

from edgelinux_build.pxe.server import transitions
from edgelinux_build.pxe.server.again import Again
from edgelinux_build.pxe.server.config import ServerConfig, Sites
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.machines import Decision, Machine, decide
from edgelinux_build.pxe.server.neighbours import neighbour
from edgelinux_build.pxe.server.tokens import (
    Limits,
    Refusal,
    Token,
    check_kickstart,
    check_report,
    hash_token,
    new_token,
)

__all__ = ["Desk", "Offer", "RefusedRequest", "knows"]


@dataclass(frozen=True)
class Offer:
    """What a boot request gets; the token is "" for a machine that boots from its disk."""

    decision: Decision
    token: str = ""


class RefusedRequest(Exception):
    """A request that is answered with a status of 400 and more."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def knows(sites: Sites | None, machine: Machine) -> bool | None:
    """Whether there is a kickstart for a machine; None when that depends on what it has not said yet."""
    if sites is None:
        return False
    if sites.find(Identity(machine.known_macs(), machine.serial, machine.uuid)) is not None:
        return True
    unsaid = not machine.identified and any(e.key.startswith(("serial-", "uuid-")) for e in sites.entries)
    return None if unsaid else False


class Desk:
    """One for all requests, from several threads."""

    def __init__(self, config: ServerConfig, ledger: Ledger, again: Again) -> None:
        self._sites = config.sites
        self._ledger = ledger
        self._again = again
        self._neighbour = neighbour if config.check_card else lambda _address: ""
        self._limits = Limits(config.token_seconds, config.report_seconds, config.check_address)

    def boot(self, mac: str, address: str, *, serial: str | None = None, uuid: str | None = None) -> Offer:
        """Decide what a machine boots; its token, if it gets one, replaces the one that it had.

        `serial` and `uuid` are None when its boot loader does not say them.
        """

        card = self._neighbour(address)

        def step(machine: Machine, now: float) -> tuple[Machine, Offer]:
            if card not in ("", *machine.known_macs()):
                reason = f"boot menu asked for by {address}, which is {card}"
                return transitions.refused(machine, now, reason), Offer(
                    Decision(False, "has another address")
                )
            if serial is not None or uuid is not None:
                said = Identity(machine.macs, normalise_serial(serial or ""), normalise_uuid(uuid or ""))
                machine = transitions.identified(machine, said)
            machine = self._suspect(machine, address, now)
            again = self._again.allowed(mac)
            decision = decide(machine, knows(self._sites, machine), again=again)
            if not decision.install:
                return transitions.sent_to_disk(machine, now, decision, address), Offer(decision)
            text = new_token()
            token = Token(hash=hash_token(text), address=address, issued=now)
            machine = transitions.offered(machine, now, token, decision.reason, again=again)
            return machine, Offer(decision, text)

        offer = self._ledger.change(mac, "boot", step)
        if offer.decision.install:
            self._again.spend(mac)
        return offer

    def kickstart(self, token: str, identity: Identity, address: str) -> str:
        """Give a machine its kickstart, once: it counts as read from here on, whether or not it arrives.

        Raises RefusedRequest.
        """
        holder = self._ledger.holder(hash_token(token))
        if holder is None:
            self._unknown(identity, address, "kickstart")

        def step(machine: Machine, now: float) -> tuple[Machine, str | Refusal]:
            if machine.token is None or machine.token.hash != hash_token(token):
                # A newer boot of the same machine came in between.
                return machine, Refusal(403, "token was replaced by a newer one")
            refusal = check_kickstart(machine.token, machine.mac, identity.macs, address, now, self._limits)
            if refusal is not None and refusal.status == 410:
                return transitions.used_twice(machine, now, refusal.reason), refusal
            if refusal is not None:
                return transitions.refused(machine, now, refusal.reason), refusal
            machine = transitions.identified(machine, identity)
            entry = self._sites.find(identity) if self._sites is not None else None
            if entry is None:
                return transitions.nothing(machine, now), Refusal(404, "no kickstart for this machine")
            return transitions.given(machine, now, entry.key), entry.text

        answer = self._ledger.change(holder.mac, "kickstart", step)
        if isinstance(answer, Refusal):
            raise RefusedRequest(answer)
        return answer

    def holder(self, token: str, identity: Identity, address: str) -> Machine:
        """Say whose token it is, before anything else is looked at; raises RefusedRequest."""
        machine = self._ledger.holder(hash_token(token))
        if machine is None:
            self._unknown(identity, address, "report")
        return machine

    def report(self, token: str, report: Report) -> None:
        """Take a machine's report; raises RefusedRequest."""
        holder = self.holder(token, Identity.of(report.machine.macs), "")

        def step(machine: Machine, now: float) -> tuple[Machine, Refusal | None]:
            if machine.token is None or machine.token.hash != hash_token(token):
                return machine, Refusal(403, "token was replaced by a newer one")
            refusal = check_report(machine.token, machine.mac, report.machine.macs, now, self._limits)
            if refusal is not None:
                return transitions.refused(machine, now, f"report: {refusal.reason}"), refusal
            return transitions.reported(machine, now, report), None

        refusal = self._ledger.change(holder.mac, "report", step)
        if refusal is not None:
            raise RefusedRequest(refusal)

    def _suspect(self, machine: Machine, address: str, now: float) -> Machine:
        token = machine.token
        if token is None or token.used is not None or now - token.issued > self._limits.kickstart:
            return machine
        if address == token.address:
            return machine
        text = f"asked for its boot menu from two addresses, {token.address} and {address}"
        return transitions.warned(machine, now, text)

    def _unknown(self, identity: Identity, address: str, what: str) -> NoReturn:
        """Refuse a token that is nobody's, in the name of the machine that it claims to be."""
        where = f" from {address}" if address else ""
        reason = f"wrong or missing token with a request for {what}{where}"
        claimed = next((m for m in self._ledger.machines() if m.mac in identity.macs), None)
        if claimed is None:
            self._ledger.warn(f"{reason} (no machine that is known here)")
        else:
            self._ledger.change(
                claimed.mac, "refused", lambda machine, now: (transitions.refused(machine, now, reason), None)
            )
        raise RefusedRequest(Refusal(403, "wrong or missing token"))
