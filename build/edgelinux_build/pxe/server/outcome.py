"""How a run of the server ended: what scripts wait for, and the summary that everybody gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edgelinux_build.pxe.server.machines import Machine, State, printable
from edgelinux_build.pxe.server.table import duration, notes

__all__ = ["exit_code", "summary", "verdict"]

_DONE = frozenset({State.INSTALLED, State.UP})


def verdict(machines: Sequence[Machine], wanted: int, since: float, *, up: bool) -> int | None:
    """Whether enough machines are there: 0 when `wanted` are installed (or up), 1 when one failed, or None.

    Only what happened after `since`, in seconds since 1970, counts: not what an earlier run knew.
    """
    new = [machine for machine in machines if machine.since >= since]
    if any(machine.state is State.FAILED for machine in new):
        return 1
    goal = frozenset({State.UP}) if up else _DONE
    return 0 if sum(machine.state in goal for machine in new) >= wanted else None


def exit_code(machines: Sequence[Machine], since: float) -> int:
    """Give the exit code of a server that a person ended: 1 when a machine failed or was refused, else 0."""
    bad = (State.FAILED, State.REFUSED)
    return int(any(machine.state in bad for machine in machines if machine.since >= since))


def summary(
    machines: Sequence[Machine], warnings: Sequence[str], since: float, now: float, again: str
) -> list[str]:
    """Say what became of the machines that were heard of after `since`.

    `again` is the option, or command, that has one installed again.
    """
    new = [machine for machine in machines if machine.last >= since]
    if not new:
        return [*notes((), warnings), "No machine asked for anything."]
    lines = []
    for machine in new:
        name = f" {printable(machine.hostname)}" if machine.hostname else ""
        line = f"{machine.mac}{name}: {machine.state} for {duration(now - machine.since)}"
        if machine.state is State.UP and machine.addresses:
            line += f": ssh root@{printable(machine.addresses[0])}"
        lines.append(line)
        lines += [f"    {printable(fingerprint)}" for fingerprint in machine.fingerprints]
    lines += notes(new, warnings)
    if any(machine.taken for machine in new):
        lines.append(f"Machines that have read their kickstart boot from disk from now on ({again}: not so).")
    return lines
