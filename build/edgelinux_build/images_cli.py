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
    found, bases = load_images(root), load_bases(root)
    possible = {
        image.name: [base.name for base in bases if not image.bases or base.name in image.bases]
        for image in found
    }
    if form == "json":
        rows = [
            {
                "name": image.name,
                "product": image.product,
                "version": image.version,
                "bases": possible[image.name],
                "elements": image.elements,
                "iso_budget": image.budget.iso,
                "templates": image.templates,
            }
            for image in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("IMAGE", "PRODUCT", "VERSION", "BASES", "ISO BUDGET"),
        [
            (
                image.name,
                image.product,
                image.version,
                ", ".join(possible[image.name]),
                f"{image.budget.iso / 1e6:.0f} MB",
            )
            for image in found
        ],
    )
