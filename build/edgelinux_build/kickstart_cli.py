"""`edgelinux kickstart`: from a site file to a kickstart, and whether a kickstart will be accepted."""

from __future__ import annotations

import json
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.kickstart import Kickstart, KickstartError

from edgelinux_build.kickstart_file import load_kickstart
from edgelinux_build.site import load_site
from edgelinux_build.site_render import render_kickstart

__all__ = ["kickstart"]


@click.group()
def kickstart() -> None:
    """Render a site file to a kickstart, or check kickstarts."""


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
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def check(files: tuple[Path, ...], form: str) -> None:
    """Check kickstarts as the installer will. Exit code 2 if one of them would be refused."""
    results = [_check(file) for file in files]
    if form == "json":
        click.echo(json.dumps(results, indent=2))
    for result in results if form == "text" else []:
        click.echo(
            f"{result['file']}: {result['summary']}" if result["ok"] else result["error"],
            err=not result["ok"],
        )
    if not all(result["ok"] for result in results):
        raise click.exceptions.Exit(2)


def _check(file: Path) -> dict[str, object]:
    try:
        return {"file": str(file), "ok": True, "summary": _summary(load_kickstart(file)[1])}
    except KickstartError as error:
        return {"file": str(file), "ok": False, "line": error.line, "error": str(error)}


def _summary(ks: Kickstart) -> str:
    disks = (
        f"{ks.zfs.disks} disks" if ks.zfs.disks > 1 else "1 disk" if ks.zfs.disks else "the selected disks"
    )
    erases = "erases what they hold" if ks.clearpart.erase else "refuses disks that hold data"
    return f"would be accepted: {ks.zfs.layout} of {disks}, {erases}, then {ks.finish}"
