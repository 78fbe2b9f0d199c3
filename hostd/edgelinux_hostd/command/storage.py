"""`antlet pool` and `antlet net`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import agree, pass_client
from edgelinux_hostd.command.output import format_option, show, show_list
from edgelinux_hostd.command.watch import perform, work_options
from edgelinux_hostd.sizes import human

__all__ = ["COMMANDS", "lines"]

_SIZES = ("size", "allocated", "free")

_name = click.argument("name", shell_complete=complete.pools)


@click.group()
def pool() -> None:
    """ZFS pools, in which antlets lie."""


@pool.command("list")
@format_option
@pass_client
def list_pools(client: Client, output: str) -> None:
    """List the pools; a warning is printed below when one is degraded or almost full."""
    pools = client.get(path("pools"))
    show_list(
        pools,
        output,
        {
            "NAME": lambda one: one["name"],
            "HEALTH": lambda one: one["health"],
            ">SIZE": lambda one: human(one["size"]),
            ">ALLOCATED": lambda one: human(one["allocated"]),
            ">FREE": lambda one: human(one["free"]),
            ">FULL": lambda one: f"{one['capacity']} %",
            "MOUNTED AT": lambda one: one["mountpoint"],
        },
    )
    for one in pools if output == "text" else ():
        for warning in one.get("warnings") or ():
            click.echo(f"{warning['level']}: {warning['text']}", err=True)


@pool.command()
@_name
@format_option
@pass_client
def status(client: Client, name: str, output: str) -> None:
    """Show a pool with its disks, its scrub and its errors."""
    found = client.get(path("pools", name))
    show(found, output, lambda: "\n".join(lines(found)))


def lines(value: Mapping[str, Any], indent: str = "") -> list[str]:
    """Write nested mappings and lists by indentation: what a pool is made of differs from pool to pool."""
    written = []
    for key, found in value.items():
        if isinstance(found, dict):
            written += [f"{indent}{key}:", *lines(found, indent + "  ")]
        elif isinstance(found, list) and found and isinstance(found[0], dict):
            written.append(f"{indent}{key}:")
            for one in found:
                first, *rest = lines(one, indent + "    ") or [""]
                written += [f"{indent}  - {first.strip()}", *rest]
        elif found not in (None, "", [], ()):
            shown = human(found) if key in _SIZES and isinstance(found, int) else found
            written.append(
                f"{indent}{key}: {', '.join(map(str, shown)) if isinstance(shown, list) else shown}"
            )
    return written


@pool.command()
@click.argument("name")
@click.argument("layout", type=click.Choice(["mirror", "single"]))
@click.argument("disks", nargs=-1, required=True, metavar="DISK...")
@click.option("--erase", is_flag=True, help="Erase what is on the disks; refused without it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@work_options
@pass_client
def create(
    client: Client,
    name: str,
    layout: str,
    disks: tuple[str, ...],
    erase: bool,
    yes: bool,
    wait: bool,
    output: str,
) -> None:
    """Create a pool on disks that nothing uses (see `antlet pool disks`)."""
    loss = " What is on them will be lost." if erase else ""
    agree(f"Create pool {name} on {', '.join(disks)}?{loss}", yes)
    perform(
        client,
        "POST",
        path("pools"),
        {"name": name, "layout": layout, "disks": list(disks), "erase": erase},
        wait=wait,
        output=output,
        said=f"pool {name} created",
        result=lambda: client.get(path("pools", name)),
    )


@pool.command()
@_name
@click.option("--stop", is_flag=True, help="Stop the one that runs.")
@work_options
@pass_client
def scrub(client: Client, name: str, stop: bool, wait: bool, output: str) -> None:
    """Start a scrub, which reads everything and repairs what a mirror can; `antlet pool status` shows it."""
    said = f"scrub of pool {name} {'stopped' if stop else 'started'}"
    perform(client, "POST", path("pools", name, "scrub"), {"stop": stop}, wait=wait, output=output, said=said)


@pool.command()
@click.argument("name", metavar="NAME|GUID", shell_complete=complete.absent_pools)
@work_options
@pass_client
def forget(client: Client, name: str, wait: bool, output: str) -> None:
    """Stop missing a pool that is gone for good. Nothing on any disk is touched, recover finds it again."""
    said = f"pool {name} forgotten"
    perform(client, "DELETE", path("pools", name, "record"), wait=wait, output=output, said=said)


@pool.command()
@format_option
@pass_client
def disks(client: Client, output: str) -> None:
    """List the disks that nothing uses."""
    show_list(
        client.get(path("disks", "free")),
        output,
        {
            "DISK": lambda one: one["path"],
            ">SIZE": lambda one: human(one["size"]),
            "MODEL": lambda one: one.get("model") or "-",
            "SERIAL": lambda one: one.get("serial") or "-",
            "CONTENTS": lambda one: one.get("contents") or "-",
        },
    )


@click.group()
def net() -> None:
    """The antlets' network."""


@net.command("show")
@format_option
@pass_client
def show_network(client: Client, output: str) -> None:
    """Show the antlets' network and who has an address there."""
    found = client.get(path("network"))
    show(found, output, lambda: "\n".join(lines(found)))


@net.command("set-base-ip")
@click.argument("base_ip")
@click.option("--restart", is_flag=True, help="Restart the antlets that run there; refused without it.")
@work_options
@pass_client
def set_base_ip(client: Client, base_ip: str, restart: bool, wait: bool, output: str) -> None:
    """Give the antlets' network other addresses, like 10.2.2. (antlet N has 10.2.2.N then)."""
    perform(
        client,
        "PUT",
        path("network"),
        {"base-ip": base_ip, "restart": restart},
        wait=wait,
        output=output,
        said=f"the antlets' network is now {base_ip}0/24",
        result=lambda: client.get(path("network")),
    )


COMMANDS = (pool, net)
