"""What a person or a script sees of a running `edgelinux pxe serve`, and when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass

import click

from edgelinux_build.pxe.serve import Running
from edgelinux_build.pxe.server.display import make_display
from edgelinux_build.pxe.server.outcome import exit_code, summary, verdict

__all__ = ["Until", "show"]


@dataclass(frozen=True)
class Until:
    """How many machines to wait for, 0 for ever; `up`: until they run from their disks. Seconds."""

    machines: int = 0
    up: bool = False
    timeout: float | None = None


def show(running: Running, until: Until) -> int:
    """Show all machines until told to stop, or enough are there; returns an exit code.

    Raises EdgeLinuxError when dnsmasq has ended.
    """
    events, since = running.server.events, time.time()
    for line in running.about:
        click.echo(line)
    code: int | None = None
    display = make_display(events)
    try:
        while running.wait() and code is None:
            if until.machines:
                code = verdict(events.machines(), until.machines, since, up=until.up)
            if until.timeout is not None and code is None and time.time() - since > until.timeout:
                code = 1
    finally:
        display.close()
        for line in summary(events.machines(), events.warnings(), since, time.time(), "--again"):
            click.echo(line)
    return exit_code(events.machines(), since) if code is None else code
