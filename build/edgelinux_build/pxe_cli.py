"""`edgelinux pxe`: lays out what machines boot from over the network, and serves it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from edgelinux_build.pxe.tree import make_tree

__all__ = ["pxe"]


@click.group()
def pxe() -> None:
    """Boot and install machines over the network."""


@pxe.command()
@click.argument("image", metavar="ISO", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The directory to write."
)
@click.option("--url", default="", help="Where a web server will have it: writes complete menus for that.")
@click.option(
    "--kickstart",
    default="",
    metavar="URL",
    help="With --url: kickstart of the menus' installation; without, a person is asked.",
)
@click.option(
    "--with-kickstart",
    is_flag=True,
    help="With --url: take that of the ISO, and put it where everybody can read it.",
)
@click.option("--force", is_flag=True, help="Replace an older tree.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def tree(
    image: Path, out: Path, url: str, kickstart: str, with_kickstart: bool, force: bool, form: str
) -> None:
    """Lay out what machines boot from over the network, from a built ISO alone.

    Neither root nor the repository's cache is needed. Everything is compared with its checksum on the way.
    """
    if (kickstart or with_kickstart) and not url:
        raise click.UsageError("--kickstart and --with-kickstart belong to the menus that --url writes")
    if kickstart and with_kickstart:
        raise click.UsageError("give one of --kickstart and --with-kickstart")
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        task = bar.add_task("copying", total=None)
        info = make_tree(
            image, out, url=url, ks=kickstart, with_kickstart=with_kickstart, force=force,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if form == "json":
        made = {"tree": str(out), "url": url, **info.model_dump(mode="json", exclude={"format", "boot"})}
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(f"{out}: {info.product} {info.version} ({info.base_label}), BIOS and UEFI")
    if url:
        click.echo(f"to be served at {url}, and by TFTP; see docs/netboot.md for the DHCP server")
    else:
        click.echo(f"serve it with: edgelinux pxe serve --interface IF --tree {out}")
