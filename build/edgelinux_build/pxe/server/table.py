"""The table of machines, for terminals from 80 columns on. Pure: the same machines make the same text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgelinux_build.pxe.server.machines import Machine, State, printable

__all__ = ["WIDE", "bar", "duration", "notes", "render", "step_of"]

WIDE = 120
"""Columns from which everything is shown."""

_BAR = 10
_STYLES = {
    State.SEEN: "dim",
    State.LOADING: "cyan",
    State.BOOTING: "cyan",
    State.MEDIUM: "cyan",
    State.GIVEN: "blue",
    State.INSTALLING: "blue",
    State.INSTALLED: "green",
    State.UP: "bold green",
    State.FAILED: "bold red",
    State.REFUSED: "bold red",
    State.NOTHING: "yellow",
}


def render(machines: Sequence[Machine], warnings: Sequence[str], now: float, width: int) -> RenderableType:
    """Draw all machines, and below them what somebody should look at; `now` in seconds since 1970."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("MAC", no_wrap=True)
    table.add_column("name", no_wrap=True, max_width=24 if wide else 14)
    if wide:
        table.add_column("serial", no_wrap=True, max_width=16)
        table.add_column("address", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("step", no_wrap=True, overflow="ellipsis", ratio=1)
    if wide:
        table.add_column("", no_wrap=True)
    table.add_column("since", no_wrap=True, justify="right")
    if wide:
        table.add_column("last event", no_wrap=True, overflow="ellipsis", ratio=2)
    table.width = width
    for machine in machines:
        table.add_row(*_row(machine, now, wide=wide))
    if not machines:
        return Group(
            Text("No machine yet. Start one, and have it boot from the network."), *_lines((), warnings)
        )
    return Group(table, *_lines(machines, warnings))


def _row(machine: Machine, now: float, *, wide: bool) -> list[Text]:
    style = _STYLES[machine.state]
    state = Text(f"{machine.state}{' !' if machine.warning else ''}", style=style)
    since = Text(duration(now - machine.since))
    step = step_of(machine)
    name = Text(printable(machine.hostname))
    if not wide:
        percent = f"{machine.percent:3} % " if machine.percent is not None else ""
        return [Text(machine.mac), name, state, Text(f"{percent}{step}".strip()), since]
    return [
        Text(machine.mac),
        name,
        Text(printable(machine.serial)),
        Text(machine.addresses[0] if machine.addresses else machine.address),
        state,
        Text(step),
        Text(bar(machine.percent)),
        since,
        Text(f"{printable(machine.event)}, {duration(now - machine.last)} ago"),
    ]


def step_of(machine: Machine) -> str:
    """Say in a few words what a machine is at."""
    words = {
        State.SEEN: machine.event,
        State.LOADING: machine.event,
        State.BOOTING: "kernel",
        State.MEDIUM: "fetches the system",
        State.GIVEN: f"kickstart {machine.kickstart}",
        State.INSTALLING: machine.step,
        State.INSTALLED: "restarts",
        State.UP: ", ".join(machine.addresses),
        State.FAILED: machine.message,
        State.REFUSED: machine.message,
        State.NOTHING: "boots from its disk",
    }
    return printable(words[machine.state])


def bar(percent: int | None) -> str:
    """Draw how much is done, in characters that every console has; "" for not known."""
    if percent is None:
        return ""
    done = _BAR * percent // 100
    return f"{'#' * done}{'-' * (_BAR - done)} {percent:3} %"


def duration(seconds: float) -> str:
    """Write seconds as m:ss, or h:mm:ss."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def notes(machines: Sequence[Machine], warnings: Sequence[str]) -> list[str]:
    """List what somebody should look at, one line each."""
    found = [f"warning: {printable(text)}" for text in warnings]
    for machine in machines:
        who = f"{machine.mac} ({printable(machine.hostname)})" if machine.hostname else machine.mac
        if machine.state in (State.FAILED, State.REFUSED):
            at = f" at {printable(machine.step)}" if machine.step else ""
            found.append(f"{who} {machine.state}{at}: {printable(machine.message)}")
        if machine.warning:
            found.append(f"{who} warning: {printable(machine.warning)}")
    return found


def _lines(machines: Sequence[Machine], warnings: Sequence[str]) -> list[Text]:
    found = notes(machines, warnings)
    return [Text(""), *(Text(line, style="bold red") for line in found)] if found else []
