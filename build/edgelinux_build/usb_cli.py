"""`edgelinux usb`: which disks can become an installation stick, and making one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError

from .rights import become_root
from .tables import show_table
from .usb.meter import make_meter
from .usb.targets import describe, list_targets
from .usb.write import Stick, StickPlan, plan_stick, write_stick

__all__ = ["usb"]


@click.group()
def usb() -> None:
    """Write ISOs to USB sticks."""


@usb.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_(form: str) -> None:
    """List disks: what they are, what is on them, and why they would not be written to."""
    rows = [target.as_dict() for target in list_targets()]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("DEVICE", "SIZE", "MODEL", "SERIAL", "BUS", "HOLDS", "NOT WRITTEN TO"),
        (
            (
                row["device"],
                f"{row['size'] / 1e9:.1f} GB",
                row["model"] or "-",
                row["serial"] or "-",
                row["bus"] or "-",
                ", ".join(row["holds"]) or "-",
                row["refused"],
            )
            for row in rows
        ),
    )


@usb.command()
@click.argument("iso", metavar="ISO", type=click.Path(path_type=Path))
@click.argument("device", metavar="DEVICE", type=click.Path(path_type=Path))
@click.option(
    "--sites",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Site files or kickstarts, one for each machine, to put onto the stick (see docs/usb.md).",
)
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--internal", is_flag=True, help="Allow a disk that is not removable.")
@click.option(
    "--verify/--no-verify", default=True, show_default=True, help="Read back and compare what was written."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def write(
    iso: Path, device: Path, sites: Path | None, yes: bool, internal: bool, verify: bool, form: str
) -> None:
    """Write ISO to DEVICE, a disk such as /dev/sdb; all that is on it is lost.

    Disks that are mounted or in use are refused, and so are those that are not removable, unless --internal
    is given. The ISO is checked first, the stick is read back afterwards; until it is complete it does not
    boot.

    Exit code 1 when it was refused or failed, 2 for a wrong command line or site file, 3 when root is needed.
    """
    plan = plan_stick(iso, device, sites=sites, internal=internal)
    if not os.access(plan.target.disk.path, os.W_OK):
        become_root(sys.argv[1:], f"writing to {plan.target.disk.path}")
    if not yes and not _agreed(plan):
        click.echo("Nothing was written.", err=True)
        raise click.exceptions.Exit(1)
    meter = make_meter()
    try:
        made = write_stick(plan, meter, verify=verify)
    except KeyboardInterrupt:
        meter.close()
        click.echo(f"what is on {plan.target.disk.path} may be neither old nor new: write it again", err=True)
        raise
    finally:
        meter.close()
    if form == "json":
        click.echo(json.dumps(made.as_dict(), indent=2))
    else:
        click.echo(_summary(plan, made))


def _agreed(plan: StickPlan) -> bool:
    """Show what would be lost, and ask. Raises EdgeLinuxError when there is nobody to ask."""
    if not sys.stdin.isatty():
        raise EdgeLinuxError(
            "there is no terminal to ask at", hint="--yes writes without asking", exit_code=2
        )
    disk = plan.target.disk
    click.echo(f"{disk.path}: {describe(disk)}{', not removable' if plan.target.internal else ''}", err=True)
    click.echo(f"  is on it now: {', '.join(disk.contents) or 'nothing that is known'}", err=True)
    click.echo(f"  is written:   {plan.label}, {plan.iso_size / 1e6:.0f} MB", err=True)
    if plan.sites:
        click.echo(f"  for:          {', '.join(entry.key for entry in plan.sites.entries)}", err=True)
    answer = click.prompt(
        "All that is on it will be lost. Type yes to write", default="", show_default=False, err=True
    )
    return str(answer).strip() == "yes"


def _summary(plan: StickPlan, made: Stick) -> str:
    checked = "not read back"
    if made.verify_seconds is not None:
        checked = f"read back and compared in {made.verify_seconds:.0f} s"
    text = f"{made.device}: {plan.label}, {made.size / 1e6:.0f} MB written in {made.write_seconds:.0f} s"
    text += f", {checked}"
    return f"{text}; sites: {', '.join(made.sites)}" if made.sites else text
