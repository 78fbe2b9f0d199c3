"""`antlet snapshot` and `antlet restore`."""

from __future__ import annotations

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import agree, name_argument, pass_client
from edgelinux_hostd.command.output import format_option, local, show_list
from edgelinux_hostd.command.watch import perform, work_options

__all__ = ["COMMANDS"]

_snapshot = click.argument("snap", metavar="SNAPSHOT", shell_complete=complete.snapshots)


@click.group()
def snapshot() -> None:
    """Snapshots of antlets."""


@snapshot.command()
@name_argument
@click.argument("snap", metavar="[SNAPSHOT]", required=False)
@work_options
@pass_client
def take(client: Client, name: str, snap: str | None, wait: bool, output: str) -> None:
    """Take a snapshot of an antlet, running or not; its name is a time stamp by default."""
    perform(
        client,
        "POST",
        path("antlets", name, "snapshots"),
        {"name": snap} if snap else {},
        wait=wait,
        output=output,
        said=f"snapshot {f'{snap} ' if snap else ''}of antlet {name} taken",
        result=lambda: (
            client.get(path("antlets", name, "snapshots", snap))
            if snap
            else client.get(path("antlets", name, "snapshots"))[-1]
        ),
    )


@snapshot.command("list")
@name_argument
@format_option
@pass_client
def list_snapshots(client: Client, name: str, output: str) -> None:
    """List an antlet's snapshots, oldest first."""
    show_list(
        client.get(path("antlets", name, "snapshots")),
        output,
        {
            "NAME": lambda one: one["name"],
            "TAKEN": lambda one: local(one["creation"]),
            ">USED": lambda one: one["used-display"],
            ">HOLDS": lambda one: one["logicalreferenced-display"],
            "CLONES": lambda one: one["clones"] or "-",
        },
    )


@snapshot.command()
@name_argument
@_snapshot
@click.option("--yes", is_flag=True, help="Do not ask.")
@work_options
@pass_client
def delete(client: Client, name: str, snap: str, yes: bool, wait: bool, output: str) -> None:
    """Delete a snapshot that nothing was cloned from."""
    agree(f"Delete snapshot {snap} of antlet {name}?", yes)
    perform(
        client,
        "DELETE",
        path("antlets", name, "snapshots", snap),
        wait=wait,
        output=output,
        said=f"snapshot {snap} of antlet {name} deleted",
    )


@click.command()
@name_argument
@_snapshot
@click.option(
    "--destroy-newer", is_flag=True, help="Destroy the snapshots that are newer; refused without it."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@work_options
@pass_client
def restore(
    client: Client, name: str, snap: str, destroy_newer: bool, yes: bool, wait: bool, output: str
) -> None:
    """Put a stopped antlet back to a snapshot."""
    more = " and all newer snapshots" if destroy_newer else ""
    agree(f"Put antlet {name} back to {snap}? What changed since{more} will be lost.", yes)
    perform(
        client,
        "POST",
        path("antlets", name, "snapshots", "restore", snap),
        {"destroy-newer": destroy_newer},
        wait=wait,
        output=output,
        said=f"antlet {name} restored to {snap}",
        result=lambda: client.get(path("antlets", name)),
    )


COMMANDS = (snapshot, restore)
