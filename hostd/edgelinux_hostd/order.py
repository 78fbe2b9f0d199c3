"""In what order antlets start with the host, and stop with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.runtime.base import State

__all__ = ["start_order", "stop_order"]

_DEFAULT = 100


def start_order(antlets: Sequence[Antlet]) -> tuple[str, ...]:
    """Name the antlets to start when the host has started: by their order, then by number."""
    wanted = [
        antlet
        for antlet in antlets
        if antlet.spec is not None and antlet.spec.autostart and antlet.state == State.STOPPED
    ]
    return tuple(antlet.name for antlet in sorted(wanted, key=_place))


def stop_order(antlets: Sequence[Antlet]) -> tuple[tuple[Antlet, ...], ...]:
    """Group the antlets that run: groups stop one after the other, those of a group together.

    What started last stops first, so that a database outlives what writes to it.
    """
    alive = [antlet for antlet in antlets if antlet.state in (State.RUNNING, State.PAUSED)]
    alive.sort(key=_order, reverse=True)
    return tuple(tuple(group) for _, group in groupby(alive, key=_order))


def _order(antlet: Antlet) -> int:
    return antlet.spec.order if antlet.spec is not None else _DEFAULT


def _place(antlet: Antlet) -> tuple[int, int]:
    return (_order(antlet), antlet.number)
