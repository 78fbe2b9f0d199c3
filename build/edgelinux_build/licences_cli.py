"""`edgelinux licences`: what the packages of an ISO come under."""

from __future__ import annotations

import json
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError

from .licences import UNKNOWN
from .outputs import MANIFEST
from .project import find_root
from .tables import show_table

__all__ = ["licences"]


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def licences(folder: Path | None, form: str) -> None:
    """List the licences of the packages of the ISO in DIR (without: in out/ of the repository).

    They are SPDX expressions, as far as the packages state them in a form that a program reads. The texts
    are in the bill of materials beside the ISO. NOASSERTION: the image has /usr/share/doc/PACKAGE/copyright.
    """
    path = (folder or find_root() / "out") / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        stated, versions = manifest["licences"], manifest["packages"]
    except FileNotFoundError as error:
        raise EdgeLinuxError(
            f"there is no {path}", hint="build first, or name a build's directory"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError(f"{path} states no licences", hint="build again") from error
    rows = [
        {"package": name, "version": versions.get(name, manifest.get("zfs", "")), "licence": stated[name]}
        for name in sorted(stated)
    ]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(("PACKAGE", "VERSION", "LICENCE"), [tuple(row.values()) for row in rows])
    unknown = sum(row["licence"] == UNKNOWN for row in rows)
    click.echo(f"{len(rows)} packages, {unknown} of which state nothing that a program reads")
