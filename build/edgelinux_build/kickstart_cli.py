"""`edgelinux kickstart`: from a site file to a kickstart, and what a kickstart would do."""

from __future__ import annotations

import json
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer import hardware
from edgelinux_installer.kickstart import Kickstart, KickstartError
from edgelinux_installer.plan import check_sectors, check_selinux
from edgelinux_installer.selection import choose_disks, describe, judge
from edgelinux_installer.site.model import load_site
from edgelinux_installer.site.render import render_kickstart

from edgelinux_build.images import load_base, load_bases
from edgelinux_build.kickstart_file import load_kickstart
from edgelinux_build.kickstart_page import page
from edgelinux_build.project import find_root

__all__ = ["kickstart"]

_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def kickstart() -> None:
    """Render a site file to a kickstart, or look what kickstarts would do."""


@kickstart.command()
@click.option("--site", type=click.Path(path_type=Path), help="Site file (without: the documented default).")
@click.option("--out", type=click.Path(path_type=Path), help="File to write (without: standard output).")
def render(site: Path | None, out: Path | None) -> None:
    """Render a site file to the kickstart that the ISO would carry."""
    text = render_kickstart(load_site(site))
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EdgeLinuxError(f"cannot write {out}: {error.strerror}") from error
    # The kickstart holds password hashes.
    out.chmod(0o600)


@kickstart.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--base", help="Base that the image has (without: any of those there are).")
@_FORMAT
def check(files: tuple[Path, ...], base: str | None, form: str) -> None:
    """Check kickstarts as the installer will. Exit code 2 if one of them would be refused."""
    results = [_check(file, base) for file in files]
    if form == "json":
        click.echo(json.dumps(results, indent=2))
    for result in results if form == "text" else []:
        _tell(result)
    if not all(result["ok"] for result in results):
        raise click.exceptions.Exit(2)


@kickstart.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--hardware",
    "recorded",
    type=click.Path(path_type=Path),
    required=True,
    help="What `edgelinux-install --hardware` printed on that machine.",
)
@_FORMAT
def disks(file: Path, recorded: Path, form: str) -> None:
    """Show which disks a kickstart would take on a recorded machine, and why not the others.

    Exit code 2 if it would take none, since it would be refused there.
    """
    _, ks = load_kickstart(file)
    machine = hardware.machine(hardware.load(recorded))
    error = ""
    try:
        chosen = choose_disks(ks, machine.disks)
        check_sectors(chosen, machine.firmware)
    except EdgeLinuxError as refusal:
        chosen, error = (), str(refusal)
    rows = [
        {
            "path": verdict.disk.path,
            "description": describe(verdict.disk),
            "taken": verdict.disk in chosen,
            "reason": verdict.reason
            or ("" if verdict.disk in chosen else "would be taken, but see the error"),
            "holds": list(verdict.disk.contents),
        }
        for verdict in judge(ks, machine.disks)
    ]
    if form == "json":
        listed = {"layout": ks.zfs.layout, "disks": rows, "error": error, "notices": ks.told()}
        click.echo(json.dumps(listed, indent=2))
    else:
        for row in rows:
            click.echo(f"{'take ' if row['taken'] else 'leave'}  {row['description']}{_why(row)}")
        for notice in ks.told():
            click.echo(f"note: {notice}", err=True)
        if error:
            click.echo(error, err=True)
    if error:
        raise click.exceptions.Exit(2)


@kickstart.command(hidden=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def documentation(out: Path) -> None:
    """Write the page that lists every command and option: docs/kickstart.md."""
    out.write_text(page(), encoding="utf-8")


def _why(row: dict[str, object]) -> str:
    if row["reason"]:
        return f": {row['reason']}"
    held = row["holds"]
    return f": erases {', '.join(held)}" if isinstance(held, list) and held else ": blank"


def _check(file: Path, base: str | None) -> dict[str, object]:
    try:
        _, ks = load_kickstart(file)
        _check_base(ks, base)
    except EdgeLinuxError as error:
        line = error.line if isinstance(error, KickstartError) else 0
        return {"file": str(file), "ok": False, "line": line, "error": str(error)}
    return {"file": str(file), "ok": True, "summary": _summary(ks), "notices": list(ks.told())}


def _check_base(ks: Kickstart, name: str | None) -> None:
    """Refuse what the base cannot do, or none of those that are taken without being named."""
    if ks.selinux is None:
        return
    root = find_root()
    taken = (base for base in load_bases(root) if base.preference is not None)
    bases = (load_base(root, name),) if name else (*taken,)
    check_selinux(
        ks,
        has_selinux=any(base.selinux for base in bases),
        where=" and ".join(base.label for base in bases),
    )


def _tell(result: dict[str, object]) -> None:
    if not result["ok"]:
        click.echo(result["error"], err=True)
        return
    click.echo(f"{result['file']}: {result['summary']}")
    notices = result["notices"]
    for notice in notices if isinstance(notices, list) else ():
        click.echo(f"  note: {notice}")


def _summary(ks: Kickstart) -> str:
    disks = (
        f"{ks.zfs.disks} disks" if ks.zfs.disks > 1 else "1 disk" if ks.zfs.disks else "the selected disks"
    )
    erases = {
        "everything": "erases what they hold",
        "linux": "erases disks that hold nothing but Linux",
        "nothing": "refuses disks that hold data",
    }[ks.clearpart.erase]
    return f"would be accepted: {ks.zfs.layout} of {disks}, {erases}, then {ks.finish}"
