"""`antlet recover`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edgelinux_hostd.command.client import Client, path
from edgelinux_hostd.command.options import pass_client
from edgelinux_hostd.command.output import show
from edgelinux_hostd.command.watch import follow, work_options

__all__ = ["COMMANDS"]


@click.command()
@click.argument("pools", nargs=-1, metavar="[GUID]...")
@click.option("--renumber", is_flag=True, help="Give antlets whose number is taken another one.")
@click.option(
    "--force", is_flag=True, help="Take pools that another host, off for good, did not export, too."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@work_options
@pass_client
def recover(
    client: Client,
    pools: tuple[str, ...],
    renumber: bool,
    force: bool,
    dry_run: bool,
    wait: bool,
    output: str,
) -> None:
    """Find pools on this host's disks by GUID, import them and bring back their antlets.

    Without GUIDs all pools that are found are taken. Antlets whose number is taken here are listed and
    refused without --renumber.
    """
    body = {"pools": list(pools), "renumber": renumber, "force": force, "dry-run": dry_run}
    job = client.job("POST", path("recover"), body)
    if not wait:
        show(job, output, lambda: f"job {job['id']}: {job['title']}")
        return
    result: Mapping[str, Any] = follow(client, job)["result"]
    show(result, output, lambda: "\n".join(_told(result)) or "nothing to recover")


def _told(result: Mapping[str, Any]) -> list[str]:
    """What was found and done, a line each: pools, what would not be mounted, antlets."""
    return [str(line) for part in ("pools", "problems", "lines") for line in result.get(part) or ()]


COMMANDS = (recover,)
