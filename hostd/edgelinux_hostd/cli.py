"""The `antlet` command.

What it imports is the standard library and click, so that it starts in a moment: hostd does the work.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from edgelinux_hostd import __version__
from edgelinux_hostd.command import antlets, create, jobs, lifecycle, recover, snapshots, storage, templates
from edgelinux_hostd.command.client import SOCKET, ApiError, Client
from edgelinux_hostd.completion import completion_command
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["antlet", "main"]

_FORMAT = click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", help="How to print."
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong input, 3 where a command's help says so, 4 no such antlet, "
    "template, snapshot, pool or job, 5 refused since something stands against it, 6 another job "
    "works on it, 7 hostd cannot be reached, 130 Ctrl-C while waiting (the job goes on).",
)
@click.version_option(__version__, prog_name="antlet")
@click.option(
    "--socket", default=SOCKET, envvar="EDGELINUX_SOCKET", show_default=True, help="Where hostd listens."
)
@click.pass_context
def antlet(ctx: click.Context, socket: str) -> None:
    """Manage this edgeLinux host and its antlets."""
    ctx.obj = Client(socket)


@antlet.group()
def host() -> None:
    """This host: its boot environment, pool, boot files and addresses."""


@host.command()
@_FORMAT
def status(output: str) -> None:
    """Show what this host runs and boots from."""
    from edgelinux_hostd.host import status as host_status

    fields = asdict(host_status())
    if output == "json":
        click.echo(json.dumps(fields, indent=1))
        return
    for name, value in fields.items():
        shown = " ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{name.replace('_', ' ') + ':':<18}{shown}")


@host.command("boot-sync")
@click.option("--check", is_flag=True, help="Write nothing; exit code 3 when something is out of date.")
@_FORMAT
def boot_sync(check: bool, output: str) -> None:
    """Bring kernel, initramfs, menu and boot loaders on every disk in step with the running system."""
    from edgelinux_hostd.host import boot_sync as sync

    outdated = sync(check=check)
    if output == "json":
        click.echo(json.dumps(outdated, indent=1))
    for partition, files in outdated.items() if output == "text" else ():
        verb = "out of date" if check else "brought up to date"
        click.echo(f"{partition}: {f'{verb}: ' + ', '.join(files) if files else 'in step'}")
    if check and any(outdated.values()):
        sys.exit(3)


@host.command()
@_FORMAT
def announce(output: str) -> None:
    """Show what this host's consoles show: its addresses, SSH fingerprints and the next step."""
    from edgelinux_hostd.announce.facts import gather
    from edgelinux_hostd.announce.text import plain

    facts = gather()
    click.echo(json.dumps(asdict(facts), indent=1) if output == "json" else plain(facts))


for module in (create, antlets, lifecycle, snapshots, templates, storage, jobs, recover):
    for command in module.COMMANDS:
        antlet.add_command(command)
antlet.add_command(completion_command(antlet, "antlet"))


def main() -> int:
    """Run the command; returns the exit code."""
    try:
        antlet(prog_name="antlet")
    except EdgeLinuxError as error:
        click.echo(f"antlet: {error}", err=True)
        # What the line has said in full is not said again below it.
        items = error.items if isinstance(error, ApiError) else ()
        for item in items if any(item not in error.message for item in items) else ():
            click.echo(f"  {item}", err=True)
        return error.exit_code
    return 0
