"""`antlet create`, `list`, `show`, `set`, `rename`, `clone`, `delete`, `dependencies`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import COMPRESSION, SIZE, agree, cards, keys, name_argument, pass_client
from edgelinux_hostd.command.output import fields, format_option, show, show_list
from edgelinux_hostd.command.watch import perform, work_options
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.sizes import human

__all__ = ["COMMANDS"]


def _shape(command: Any) -> Any:
    """Add the options that `create` and `set` have in common."""
    for option in (
        click.option("--ram", type=click.IntRange(16), metavar="MIB", help="Memory."),
        click.option("--cpu", type=click.IntRange(1), metavar="N", help="Virtual processors."),
        click.option(
            "--number", type=click.IntRange(10, 254), help="Its number, which gives MAC and address."
        ),
        click.option("--compression", type=COMPRESSION, help="Of its dataset."),
        click.option("--quota", type=SIZE, help="The most it may store, like 10G; 0 for no limit."),
        click.option("--description", help="What it is for."),
        click.option(
            "--order", type=click.IntRange(0, 999), help="Its place at automatic start, lower first."
        ),
        click.option(
            "--bridge",
            "bridges",
            multiple=True,
            metavar="BR[=CIDR,GATEWAY]",
            help="A network card on a bridge of the host's, like br0 or br0=192.0.2.8/24,192.0.2.1; "
            "instead of the antlets' network.",
        ),
        click.option("--network", is_flag=True, help="With --bridge: a card on the antlets' network, too."),
    ):
        command = option(command)
    return command


def _body(options: Mapping[str, Any]) -> dict[str, Any]:
    body = {
        "ram": options["ram"],
        "cpu": options["cpu"],
        "antlet-num": options["number"],
        "compression": options["compression"],
        "zfs-quota": options["quota"],
        "description": options["description"],
        "autostart": options["autostart"],
        "order": options["order"],
        "nics": cards(options["bridges"], options["network"]),
    }
    return {field: value for field, value in body.items() if value is not None}


@click.command()
@click.argument("name")
@click.option("--template", required=True, shell_complete=complete.templates, help="What it is made of.")
@click.option("--version", help="The template's version; the newest by default.")
@click.option(
    "--pool", shell_complete=complete.pools, help="Where it lies; where its template is by default."
)
@click.option("--ssh-key", "key_files", multiple=True, type=click.Path(), help="A file of public keys.")
@click.option("--autostart", is_flag=True, default=None, help="Start it when the host starts.")
@click.option("--start", is_flag=True, help="Start it now.")
@_shape
@work_options
@pass_client
def create(
    client: Client,
    name: str,
    template: str,
    version: str | None,
    pool: str | None,
    key_files: tuple[str, ...],
    start: bool,
    wait: bool,
    output: str,
    **options: Any,
) -> None:
    """Create an antlet of a template."""
    body = {"dname": name, "template": template, **_body(options)}
    more = {"version": version, "zpool-name": pool, "ssh-keys": keys(key_files), "start": start}
    body |= {field: value for field, value in more.items() if value}
    said = f"antlet {name} created{' and started' if start else ''}"
    perform(
        client,
        "POST",
        path("antlets"),
        body,
        wait=wait,
        output=output,
        said=said,
        result=lambda: client.get(path("antlets", name)),
    )


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


@click.command("set")
@name_argument
@click.option("--autostart/--no-autostart", default=None, help="Whether it starts when the host starts.")
@_shape
@work_options
@pass_client
def set_(client: Client, name: str, wait: bool, output: str, **options: Any) -> None:
    """Change what an antlet shall be; what is not named stays as it is.

    A running antlet takes what it can at once and the rest at its next start. Its number can only change
    while it is stopped.
    """
    body = _body(options)
    if not body:
        raise InvalidError("nothing to change", hint="see `antlet set --help`")
    perform(
        client,
        "PUT",
        path("antlets", name),
        body,
        wait=wait,
        output=output,
        said=f"antlet {name} changed",
        result=lambda: client.get(path("antlets", name)),
    )


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
@click.argument("new_name")
@click.option("--snapshot", shell_complete=complete.snapshots, help="Clone this one; a new one by default.")
@click.option(
    "--number", type=click.IntRange(10, 254), help="The clone's number; the next free one by default."
)
@click.option("--compression", type=COMPRESSION, default="inherit", help="Of its dataset.")
@click.option("--start", is_flag=True, help="Start the clone.")
@work_options
@pass_client
def clone(
    client: Client,
    name: str,
    new_name: str,
    snapshot: str | None,
    number: int | None,
    compression: str,
    start: bool,
    wait: bool,
    output: str,
) -> None:
    """Create an antlet as a clone of another one's snapshot."""
    source = {"dname": name, **({"snapshot-name": snapshot} if snapshot else {})}
    target = {"dname": new_name, "compression": compression, **({"antlet-num": number} if number else {})}
    perform(
        client,
        "POST",
        path("antlets", "clone"),
        {"src-antlet": source, "dst-antlet": target, "start": start},
        wait=wait,
        output=output,
        said=f"antlet {name} cloned as {new_name}",
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


COMMANDS = (create, list_, show_, set_, rename, clone, delete, dependencies)
