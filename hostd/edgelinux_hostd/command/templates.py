"""`antlet template`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import agree, pass_client
from edgelinux_hostd.command.output import fields, format_option, local, show, show_list
from edgelinux_hostd.command.watch import perform, work_options
from edgelinux_hostd.sizes import human

__all__ = ["COMMANDS"]

_name = click.argument("name", shell_complete=complete.templates)
_description = click.option("--description", default="", help="What it is.")


@click.group()
def template() -> None:
    """Templates, of which antlets are made."""


@template.command("list")
@format_option
@pass_client
def list_templates(client: Client, output: str) -> None:
    """List the installed templates."""
    show_list(
        client.get(path("templates")),
        output,
        {
            "NAME": lambda one: one["name"],
            "KIND": lambda one: one["dtype"],
            "POOL": lambda one: one["zpool-name"],
            "VERSION": lambda one: one["versions"][-1]["name"] if one["versions"] else "-",
            ">RAM": lambda one: _memory(one) or "-",
            ">CPU": lambda one: one["cpu"] or "-",
            ">USED": lambda one: one["used-display"],
            "DESCRIPTION": lambda one: one["description"],
        },
    )


def _memory(one: Mapping[str, Any]) -> str:
    return human(one["ram"] * 1024**2) if one["ram"] else ""


@template.command("show")
@_name
@format_option
@pass_client
def show_template(client: Client, name: str, output: str) -> None:
    """Show a template and its versions."""
    found = client.get(path("templates", name))
    show(found, output, lambda: _described(found))


def _described(one: Mapping[str, Any]) -> str:
    pairs = [
        ("name", one["name"]),
        ("kind", one["dtype"]),
        ("description", one["description"]),
        ("pool", one["zpool-name"]),
        ("memory", _memory(one)),
        ("processors", one["cpu"] or ""),
        ("storage", one["used-display"]),
        ("created", local(one["creation"])),
    ]
    for version in one["versions"]:
        clones = f", cloned as {' '.join(version['clones'])}" if version["clones"] else ""
        pairs.append((f"version {version['name']}", f"{local(version['creation'])}{clones}"))
    return fields(pairs)


@template.command("import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.option("--name", required=True, help="The template's name.")
@click.option("--xml", type=click.Path(exists=True, dir_okay=False), help="Its template XML.")
@click.option("--pool", shell_complete=complete.pools, help="Where it shall lie.")
@click.option(
    "--type", "kind", type=click.Choice(["tar", "image", "zfs"]), help="Told from the content by default."
)
@click.option("--privileged", is_flag=True, help="Its containers may have the host's root as their own.")
@_description
@work_options
@pass_client
def import_template(
    client: Client,
    source: str,
    name: str,
    xml: str | None,
    pool: str | None,
    kind: str | None,
    privileged: bool,
    description: str,
    wait: bool,
    output: str,
) -> None:
    """Import a template: a root tarball, a disk image or a `zfs send` stream, with its XML."""
    body = {
        "source": str(Path(source).absolute()),
        "template": name,
        "xml": str(Path(xml).absolute()) if xml else None,
        "pool": pool,
        "format": kind,
        "privileged": privileged,
        "description": description,
    }
    perform(
        client,
        "POST",
        path("templates", "import"),
        {field: value for field, value in body.items() if value},
        wait=wait,
        output=output,
        said=f"template {name} imported",
        result=lambda: client.get(path("templates", name)),
    )


@template.command()
@click.argument("antlet", shell_complete=complete.antlets)
@click.argument("name")
@_description
@work_options
@pass_client
def make(client: Client, antlet: str, name: str, description: str, wait: bool, output: str) -> None:
    """Make a template, or a new version of one, of a stopped antlet."""
    perform(
        client,
        "POST",
        path("templates"),
        {"name": name, "antlet": antlet, "description": description},
        wait=wait,
        output=output,
        said=f"antlet {antlet} made into template {name}",
        result=lambda: client.get(path("templates", name)),
    )


@template.command()
@_name
@click.option("--version", help="Only this version.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@work_options
@pass_client
def delete(client: Client, name: str, version: str | None, yes: bool, wait: bool, output: str) -> None:
    """Delete a template, or one version of it; refused while clones depend on it."""
    what = f"version {version} of template {name}" if version else f"template {name}"
    agree(f"Delete {what}?", yes)
    where = path("templates", name, *(("versions", version) if version else ()))
    perform(client, "DELETE", where, wait=wait, output=output, said=f"{what} deleted")


COMMANDS = (template,)
