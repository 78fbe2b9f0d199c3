"""`edgelinux verify`: are these the files that the builder signed?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from .tables import format_table
from .verify import UNTRUSTED, WRONG, exit_code
from .verify import verify as check

__all__ = ["verify"]


@click.command(
    epilog=f"Exit codes: 0 all is right, {WRONG} a file is missing, changed or unlisted, "
    f"{UNTRUSTED} the files agree, but are not signed, or with a key that is not known."
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--key",
    default="",
    metavar="FILE|FINGERPRINT",
    help="The builder's public key, or its fingerprint (without: the keys in your own keyring).",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def verify(folder: Path, key: str, form: str) -> int:
    """Check signature, checksums and manifest of the outputs in DIR."""
    findings = check(folder, key)
    if form == "json":
        rows = [{"name": finding.name, "good": finding.good, "says": finding.says} for finding in findings]
        click.echo(json.dumps(rows, indent=2))
    else:
        rows_text = [("ok" if finding.good else "BAD", finding.name, finding.says) for finding in findings]
        for line in format_table(("", "FILE", "WHAT"), rows_text)[1:]:
            click.echo(line)
    return exit_code(findings)
