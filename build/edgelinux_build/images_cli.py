"""`edgelinux images`: what can be built."""

from __future__ import annotations

import json

import click

from .images import load_bases, load_images
from .project import find_root
from .tables import show_table

__all__ = ["images"]


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def images(form: str) -> None:
    """List images and the bases each can be built on."""
    root = find_root()
    bases = load_bases(root)
    rows = [
        {
            "name": image.name,
            "product": image.product,
            "version": image.version,
            "bases": [base.name for base in bases if not image.bases or base.name in image.bases],
            "elements": list(image.elements),
            "iso_budget": image.budget.iso,
        }
        for image in load_images(root)
    ]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("IMAGE", "PRODUCT", "VERSION", "BASES", "ISO BUDGET"),
        [
            (
                row["name"],
                row["product"],
                row["version"],
                ", ".join(row["bases"]),
                f"{row['iso_budget'] / 1e6:.0f} MB",
            )
            for row in rows
        ],
    )
