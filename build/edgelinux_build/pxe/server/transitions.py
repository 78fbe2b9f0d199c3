"""What happens to a machine, as pure functions from one Machine to the next.

They hold to one rule: an unknown or hostile request may change what is shown, but never makes a machine that
was given its kickstart one that is installed again.
"""

from __future__ import annotations

from typing import Any

from edgelinux_hostd.report.model import Report
from edgelinux_installer.identity import Identity, normalise_serial, normalise_uuid

from edgelinux_build.pxe.server.machines import Decision, Machine, State, printable
from edgelinux_build.pxe.server.tokens import Token

__all__ = [
    "given",
    "heard",
    "identified",
    "kernel",
    "loading",
    "medium",
    "nothing",
    "offered",
    "refused",
    "reported",
    "sent_to_disk",
    "used_twice",
    "warned",
]

_BEFORE_BOOT = frozenset({State.SEEN, State.LOADING, State.NOTHING, State.REFUSED})
_ON_ITS_WAY = frozenset({State.LOADING, State.BOOTING, State.MEDIUM})
_DONE = frozenset({State.INSTALLED, State.UP})


def _next(machine: Machine, now: float, event: str, **changes: Any) -> Machine:
    state = changes.get("state", machine.state)
    since = machine.since if state is machine.state and machine.since else now
    return machine.model_copy(update={"last": now, "event": event, "since": since, **changes})


def heard(machine: Machine, now: float, event: str, address: str = "") -> Machine:
    """It did something that changes no state, such as asking for an address."""
    return _next(machine, now, event, address=address or machine.address)


def warned(machine: Machine, now: float, text: str) -> Machine:
    """Somebody should look at it."""
    return _next(machine, now, f"warning: {text}", warning=text)


def identified(machine: Machine, identity: Identity) -> Machine:
    """It said which machine it is."""
    # Those that no machine has, too, since anybody may ask: so much of them, and nothing a terminal acts on.
    serial = printable(identity.serial)
    known = {"macs": identity.macs, "serial": serial, "uuid": identity.uuid, "identified": True}
    return machine.model_copy(update=known)


def loading(machine: Machine, now: float, file: str, address: str) -> Machine:
    """It fetched a boot file."""
    state = State.LOADING if machine.state in _BEFORE_BOOT and not machine.taken else machine.state
    return _next(machine, now, f"fetched {printable(file)}", state=state, address=address)


def offered(machine: Machine, now: float, token: Token, reason: str, *, again: bool) -> Machine:
    """It was told to boot the installer."""
    return _next(
        machine,
        now,
        f"boots the installer: {reason}",
        state=State.LOADING,
        since=now,
        address=token.address,
        addresses=(),
        fingerprints=(),
        step="",
        percent=None,
        message="",
        # A person has looked at it when asking for another run.
        warning="" if again else machine.warning,
        kickstart="",
        taken=False,
        token=token,
    )


def sent_to_disk(machine: Machine, now: float, decision: Decision, address: str) -> Machine:
    """It was told to boot from its disk."""
    state = machine.state if machine.taken else State.NOTHING
    return _next(machine, now, f"boots from disk: {decision.reason}", state=state, address=address)


def kernel(machine: Machine, now: float) -> Machine:
    """It fetched the kernel."""
    state = State.BOOTING if machine.state is State.LOADING else machine.state
    return _next(machine, now, "fetched the kernel", state=state)


def medium(machine: Machine, now: float, percent: int, event: str) -> Machine:
    """It has so much of the system."""
    if machine.taken or machine.state not in _ON_ITS_WAY:
        return _next(machine, now, event)
    return _next(machine, now, event, state=State.MEDIUM, percent=percent)


def given(machine: Machine, now: float, key: str) -> Machine:
    """It reads its kickstart, which uses up its token."""
    token = machine.token.model_copy(update={"used": now}) if machine.token else None
    event = f"reads its kickstart ({key})"
    changes = {"taken": True, "kickstart": key, "token": token, "percent": None}
    return _next(machine, now, event, state=State.GIVEN, **changes)


def nothing(machine: Machine, now: float) -> Machine:
    """It asked for a kickstart, and there is none for it."""
    state = machine.state if machine.taken else State.NOTHING
    return _next(machine, now, "asked for a kickstart: there is none for it", state=state, percent=None)


def refused(machine: Machine, now: float, reason: str) -> Machine:
    """Somebody, perhaps the machine, asked in its name for what it may not have."""
    if machine.taken or machine.state is State.FAILED:
        return _next(machine, now, f"refused: {reason}", warning=f"refused: {reason}")
    return _next(machine, now, f"refused: {reason}", state=State.REFUSED, message=reason, percent=None)


def used_twice(machine: Machine, now: float, reason: str) -> Machine:
    """Its token was shown a second time: the machine asks again, or somebody has its token."""
    warning = f"{reason} (somebody else may have read its kickstart)"
    return _next(machine, now, reason, warning=warning)


def reported(machine: Machine, now: float, report: Report) -> Machine:
    """It reported, with a token of its own."""
    known: dict[str, Any] = {"hostname": report.hostname or machine.hostname}
    serial, uuid = normalise_serial(report.machine.serial), normalise_uuid(report.machine.uuid)
    known |= {"serial": serial or machine.serial, "uuid": uuid or machine.uuid}
    if report.event == "up":
        known |= {"addresses": report.addresses, "fingerprints": report.fingerprints}
        return _next(machine, now, "is up", state=State.UP, taken=True, step="", percent=None, **known)
    if machine.state in _DONE:
        # Out of turn, or untrue; what counts is that the disks hold a host.
        return _next(machine, now, f"reported {report.event} after its success", **known)
    if report.event == "success":
        known |= {"state": State.INSTALLED, "taken": True, "step": "", "percent": None, "message": ""}
        return _next(machine, now, "is installed", **known)
    if report.event == "failure":
        message = report.message or "without a reason"
        known |= {"state": State.FAILED, "taken": False, "message": message, "step": report.step}
        return _next(machine, now, f"failed: {message}", **known)
    if machine.state is State.FAILED:
        return _next(machine, now, f"reported {report.event} after its failure", **known)
    step = report.step or machine.step
    percent = report.percent if report.percent is not None else machine.percent
    if machine.state is not State.INSTALLING and report.percent is None:
        percent = None
    known |= {"state": State.INSTALLING, "taken": True, "step": step, "percent": percent}
    return _next(machine, now, f"{report.event}: {step}" if step else report.event, **known)
