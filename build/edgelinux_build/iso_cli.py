"""`edgelinux iso`: gives a built ISO another kickstart, and says what an ISO is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .medium.embed import answer_from_kickstart, answer_from_site
from .medium.embed import embed as embed_answer
from .medium.inspect import describe
from .medium.inspect import inspect as inspect_iso
from .options import sign_key_option

__all__ = ["iso"]

_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def iso() -> None:
    """Look into ISOs, and give them other kickstarts."""


@iso.command()
@click.argument("image", metavar="ISO", type=click.Path(path_type=Path))
@click.option("--kickstart", type=click.Path(path_type=Path), help="Kickstart to put on the medium.")
@click.option("--site", type=click.Path(path_type=Path), help="Site file to render to a kickstart.")
@click.option(
    "--unattended",
    is_flag=True,
    help="With --kickstart: what boots without a choice is the installation. Site files say it themselves.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The ISO to write.")
@click.option("--force", is_flag=True, help="Replace --out if it exists.")
@sign_key_option
@_FORMAT
def embed(
    image: Path,
    kickstart: Path | None,
    site: Path | None,
    unattended: bool,
    out: Path,
    force: bool,
    sign_key: str,
    form: str,
) -> None:
    """Write ISO anew with another kickstart; the system on it stays as it is.

    Neither root nor the repository's cache is needed. SHA256SUMS, its signature, manifest.json and the
    bill of materials beside the new ISO are brought up to date.
    """
    if (kickstart is None) == (site is None):
        raise click.UsageError("give one of --kickstart and --site")
    if site is not None and unattended:
        raise click.UsageError("--unattended is for --kickstart; in a site file write `unattended: true`")
    if kickstart is not None:
        answer = answer_from_kickstart(kickstart, unattended=unattended)
    else:
        assert site is not None  # noqa: S101  (told apart above)
        answer = answer_from_site(site)
    made = embed_answer(image, answer, out, force=force, sign_key=sign_key)["iso"]
    if form == "json":
        click.echo(json.dumps({"iso": str(out), **made}, indent=2))
    else:
        click.echo(f"{out} ({made['size'] / 1e6:.0f} MB), {made['label']}")


@iso.command()
@click.argument("image", metavar="ISO", type=click.Path(path_type=Path))
@click.option(
    "--verify/--no-verify", default=True, show_default=True, help="Compare everything with its checksum."
)
@_FORMAT
def inspect(image: Path, verify: bool, form: str) -> None:
    """Say what an ISO holds: system, kickstart (secrets redacted), boot paths. A disk it was written to, too.

    Exit code 1 when it is damaged or does not boot in one of the four ways: BIOS or UEFI, disc or stick.
    """
    found = inspect_iso(image, verify=verify)
    if form == "json":
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        for line in describe(found):
            click.echo(line)
    if not found.ok:
        raise click.exceptions.Exit(1)
