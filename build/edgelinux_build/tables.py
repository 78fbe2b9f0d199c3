"""Listings for people: aligned columns, as wide as what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

__all__ = ["format_table", "show_table"]


def format_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table; the last column is not padded."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output."""
    for line in format_table(header, rows):
        click.echo(line)
