"""`antlet create`, `set`, `clone`: what an antlet shall be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import COMPRESSION, SIZE, cards, keys, name_argument, pass_client
from edgelinux_hostd.command.watch import perform, work_options
from edgelinux_hostd.errors import InvalidError

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
        "disk": options.get("disk"),
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
    /,
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

    def said(job: Mapping[str, Any]) -> str:
        # What does not start is made nevertheless, and a warning says why.
        started = start and not (job.get("result") or {}).get("warning")
        return f"antlet {name} created{' and started' if started else ''}"

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


@click.command("set")
@name_argument
@click.option("--autostart/--no-autostart", default=None, help="Whether it starts when the host starts.")
@click.option("--disk", type=SIZE, help="What a machine's first disk grows to, like 20G.")
@_shape
@work_options
@pass_client
def set_(client: Client, /, name: str, wait: bool, output: str, **options: Any) -> None:
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


COMMANDS = (create, set_, clone)
