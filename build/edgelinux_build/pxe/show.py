"""What a person sees of a running `edgelinux pxe serve`."""

from __future__ import annotations

import time

import click

from edgelinux_build.pxe.serve import Running
from edgelinux_build.pxe.server.journal import Happening

__all__ = ["show"]


def show(running: Running) -> None:
    """Print what is served, then a line for everything that happens, until told to stop."""
    for line in running.about:
        click.echo(line)
    running.server.events.listen(_say)
    while running.wait():
        pass
    click.echo("stopped")


def _say(happening: Happening) -> None:
    at = time.strftime("%H:%M:%S", time.localtime(happening.time))
    click.echo(f"{at} {happening.mac or '-':<17} {happening.text or happening.event}")
