"""`antlet start`, `stop`, `kill`, `pause`, `resume`, `reboot`, `stats`, `console`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from typing import Any

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import name_argument, pass_client
from edgelinux_hostd.command.output import format_option, show, show_list
from edgelinux_hostd.command.watch import follow, work_options
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.sizes import human

__all__ = ["COMMANDS"]

_names = click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete.antlets)
_timeout = click.option(
    "--timeout", type=click.FloatRange(0, 3600), help="Seconds until it is stopped by force; 60 by default."
)


def _act(
    client: Client, names: Sequence[str], action: str, said: str, wait: bool, output: str, body: Any = None
) -> None:
    """Have antlets do something, all at once; an error of one does not keep the others from it."""
    jobs: list[Any] = []
    failed: EdgeLinuxError | None = None

    def complain(error: EdgeLinuxError) -> None:
        nonlocal failed
        if failed:
            click.echo(f"antlet: {failed}", err=True)
        failed = error

    started = []
    for name in names:
        try:
            started.append((name, client.job("POST", path("antlets", name, action), body)))
        except EdgeLinuxError as error:
            complain(error)
    for name, job in started:
        try:
            jobs.append(follow(client, job) if wait else job)
        except EdgeLinuxError as error:
            if error.exit_code == 130:
                raise
            complain(error)
            continue
        if output == "text":
            click.echo(f"antlet {name} {said}" if wait else f"job {job['id']}: {job['title']}")
    if output != "text":
        show(jobs, output, str)
    if failed:
        raise failed


@click.command()
@_names
@work_options
@pass_client
def start(client: Client, names: tuple[str, ...], wait: bool, output: str) -> None:
    """Start antlets."""
    _act(client, names, "start", "started", wait, output)


@click.command()
@_names
@_timeout
@work_options
@pass_client
def stop(client: Client, names: tuple[str, ...], timeout: float | None, wait: bool, output: str) -> None:
    """Shut antlets down, by force after a time."""
    _act(client, names, "stop", "stopped", wait, output, _options(timeout))


@click.command()
@_names
@work_options
@pass_client
def kill(client: Client, names: tuple[str, ...], wait: bool, output: str) -> None:
    """Stop antlets at once, as if their power were cut."""
    _act(client, names, "force-stop", "stopped by force", wait, output)


@click.command()
@_names
@work_options
@pass_client
def pause(client: Client, names: tuple[str, ...], wait: bool, output: str) -> None:
    """Freeze running antlets."""
    _act(client, names, "pause", "paused", wait, output)


@click.command()
@_names
@work_options
@pass_client
def resume(client: Client, names: tuple[str, ...], wait: bool, output: str) -> None:
    """Let paused antlets go on."""
    _act(client, names, "resume", "resumed", wait, output)


@click.command()
@_names
@_timeout
@work_options
@pass_client
def reboot(client: Client, names: tuple[str, ...], timeout: float | None, wait: bool, output: str) -> None:
    """Shut antlets down and start them."""
    _act(client, names, "reboot", "rebooted", wait, output, _options(timeout))


def _options(timeout: float | None) -> dict[str, float] | None:
    return None if timeout is None else {"timeout": timeout}


@click.command()
@click.argument("name", required=False, shell_complete=complete.antlets)
@click.option("--follow", "on", is_flag=True, help="Print again and again, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(0.5), default=2.0, show_default=True, help="In seconds.")
@format_option
@pass_client
def stats(client: Client, name: str | None, on: bool, interval: float, output: str) -> None:
    """Show what running antlets use: CPU time, memory, disk and network."""
    while True:
        found = [client.get(path("antlets", name, "stats"))] if name else client.get(path("stats"))
        show_list(
            found,
            output,
            {
                "NAME": lambda one: one["name"],
                "STATE": lambda one: one["state"],
                ">CPU": lambda one: f"{one['cpu-seconds']:.1f} s",
                ">MEMORY": lambda one: human(one["memory"]),
                ">LIMIT": lambda one: human(one["memory-limit"]) if one["memory-limit"] else "-",
                ">READ": lambda one: human(one["disk-read"]),
                ">WRITTEN": lambda one: human(one["disk-written"]),
                ">RECEIVED": lambda one: human(one["net-received"]),
                ">SENT": lambda one: human(one["net-sent"]),
                ">PROCESSES": lambda one: one["processes"] or "-",
            },
        )
        if not on:
            return
        try:
            time.sleep(interval)
        except KeyboardInterrupt:
            return


@click.command()
@name_argument
@pass_client
def console(client: Client, name: str) -> None:
    """Open the serial console of a running antlet."""
    where = client.send("POST", path("antlets", name, "console"))["socket"]
    # What it takes to handle a terminal is nothing that other commands need.
    importlib.import_module("edgelinux_hostd.command.console").attach(where)


COMMANDS = (start, stop, kill, pause, resume, reboot, stats, console)
