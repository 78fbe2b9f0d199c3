"""`antlet list`, `show`, `rename`, `delete`, `dependencies`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import agree, name_argument, pass_client
from edgelinux_hostd.command.output import fields, format_option, show, show_list
from edgelinux_hostd.command.watch import perform, work_options
from edgelinux_hostd.sizes import human

__all__ = ["COMMANDS"]


@click.command("list")
@format_option
@pass_client
def list_(client: Client, output: str) -> None:
    """List the antlets of this host."""
    show_list(
        client.get(path("antlets")),
        output,
        {
            "NAME": lambda one: one["dname"],
            ">NUMBER": lambda one: one["antlet-num"],
            "KIND": lambda one: one["dtype"],
            "STATE": lambda one: one["state"],
            "ADDRESS": lambda one: one["ip"] or "-",
            ">RAM": lambda one: one["ram-display"] or "-",
            ">CPU": lambda one: one["cpu"] or "-",
            ">STORAGE": lambda one: one["storage-display"],
            "POOL": lambda one: one["zpool-name"],
            "TEMPLATE": lambda one: one["template"] or "-",
        },
    )


@click.command("show")
@name_argument
@format_option
@pass_client
def show_(client: Client, name: str, output: str) -> None:
    """Show an antlet."""
    found = client.get(path("antlets", name))
    show(found, output, lambda: _described(found))


def _described(one: Mapping[str, Any]) -> str:
    pairs = [
        ("name", one["dname"]),
        ("state", one["state"]),
        ("problem", one["problem"]),
        ("number", one["antlet-num"]),
        ("address", one["ip"]),
        ("kind", one["dtype"]),
        ("template", one["template"]),
        ("memory", one["ram-display"]),
        ("processors", one["cpu"] or ""),
        ("storage", one["storage-display"]),
        ("quota", human(one["zfs-quota"]) if one["zfs-quota"] else "none"),
        ("compression", one["compression"]),
        ("pool", one["zpool-name"]),
        ("autostart", f"yes, at place {one['order']}" if one["autostart"] else "no"),
        ("uuid", one["uuid"]),
        ("origin", one["origin"]),
        ("description", one["description"]),
    ]
    return fields([*pairs, *((f"card {at}", _card(card)) for at, card in enumerate(one["nics"]))])


def _card(card: Mapping[str, Any]) -> str:
    static = [card[field] for field in ("address", "gateway") if card.get(field)]
    return " ".join((card["mac-address"], "on", card["source"], card["model"], *static))


@click.command()
@name_argument
@click.argument("new_name")
@work_options
@pass_client
def rename(client: Client, name: str, new_name: str, wait: bool, output: str) -> None:
    """Give a stopped antlet another name."""
    perform(
        client,
        "POST",
        path("antlets", name, "rename"),
        {"new-name": new_name},
        wait=wait,
        output=output,
        said=f"antlet {name} is now {new_name}",
        result=lambda: client.get(path("antlets", new_name)),
    )


@click.command()
@name_argument
@click.option("--force", is_flag=True, help="Stop it, and delete its snapshots with it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@work_options
@pass_client
def delete(client: Client, name: str, force: bool, yes: bool, wait: bool, output: str) -> None:
    """Delete a stopped antlet that nothing depends on."""
    with_it = " with all its snapshots" if force else ""
    agree(f"Delete antlet {name}{with_it}? Its data will be lost.", yes)
    where = path("antlets", "force", name) if force else path("antlets", name)
    perform(client, "DELETE", where, wait=wait, output=output, said=f"antlet {name} deleted")


@click.command()
@name_argument
@format_option
@pass_client
def dependencies(client: Client, name: str, output: str) -> None:
    """List an antlet's snapshots and the clones of them."""
    show_list(
        client.get(path("antlets", name, "dependencies")),
        output,
        {"KIND": lambda one: one["kind"], "NAME": lambda one: one["name"], "OF": lambda one: one["of"]},
    )


COMMANDS = (list_, show_, rename, delete, dependencies)
