"""`edgelinux pxe`: lays out what machines boot from over the network, and serves it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from edgelinux_build.pxe.options import Options
from edgelinux_build.pxe.serve import configuration
from edgelinux_build.pxe.serve import serve as serve_network
from edgelinux_build.pxe.show import Until, show
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


@pxe.command()
@click.option("--interface", required=True, metavar="IF", help="Where the machines are.")
@click.option("--iso", type=click.Path(dir_okay=False, path_type=Path), help="The ISO to serve.")
@click.option("--tree", type=click.Path(file_okay=False, path_type=Path), help="What `pxe tree` made of it.")
@click.option(
    "--sites",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Site files and kickstarts by machine; without, every machine boots from its disk.",
)
@click.option("--proxy", is_flag=True, help="Another DHCP server gives the addresses, and stays as it is.")
@click.option(
    "--range", "addresses", default="", metavar="A,B", help="Be the DHCP server: addresses to give."
)
@click.option("--router", default="", metavar="IP", help="With --range: the machines' way out.")
@click.option("--dns", multiple=True, metavar="IP", help="With --range: a name server (repeatable).")
@click.option("--http-port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--https-port", type=click.IntRange(1, 65535), default=8443, show_default=True)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/pxe"),
    show_default=True,
    metavar="DIR",
    help="For certificate, leases, logs, and what is known of machines.",
)
@click.option("--again", multiple=True, metavar="MAC", help="Install this machine once more (repeatable).")
@click.option(
    "--until",
    type=click.IntRange(min=1),
    metavar="N",
    help="End when N machines are installed; exit code 1 if one failed.",
)
@click.option("--up", is_flag=True, help="With --until: when they run from their disks.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="With --until: no longer.")
@click.option("--probe-seconds", type=float, default=3.0, hidden=True)
@click.option("--print-config", is_flag=True, help="Print dnsmasq's configuration, and serve nothing.")
def serve(
    interface: str, iso: Path | None, tree: Path | None, sites: Path | None, proxy: bool, addresses: str,
    router: str, dns: tuple[str, ...], http_port: int, https_port: int, state: Path, again: tuple[str, ...],
    until: int | None, up: bool, timeout: float | None, probe_seconds: float, print_config: bool,
) -> None:  # fmt: skip
    """Serve a network's machines: DHCP or proxy-DHCP, TFTP, HTTP for the system, HTTPS for kickstarts.

    Shows who fetched what and how far each machine is, until Ctrl-C. Needs root. A machine that has read its
    kickstart boots from its disk from then on. Exit code 1 when a machine failed or was refused.
    """
    if proxy and (addresses or router or dns):
        raise click.UsageError(
            "--range, --router and --dns are for a DHCP server; with --proxy it is another"
        )
    if (up or timeout is not None) and until is None:
        raise click.UsageError("--up and --timeout say how long --until waits")
    if (iso is None) == (tree is None) and not print_config:
        raise click.UsageError("give one of --iso and --tree")
    options = Options(
        interface=interface, iso=iso, tree=tree, sites=sites, proxy=proxy, range=addresses, router=router,
        dns=dns, http_port=http_port, https_port=https_port, state=state, again=frozenset(again),
        probe_seconds=probe_seconds, arguments=tuple(sys.argv[1:]),
    )  # fmt: skip
    if print_config:
        click.echo(configuration(options), nl=False)
    else:
        wanted = Until(until or 0, up, timeout)
        raise click.exceptions.Exit(
            serve_network(options, lambda text: click.echo(text, err=True), lambda now: show(now, wanted))
        )
