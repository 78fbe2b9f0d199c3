"""How commands print: aligned text for people, JSON or YAML for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

__all__ = ["FORMATS", "duration", "fields", "format_option", "local", "show", "show_list", "table"]

FORMATS = ("text", "json", "yaml")

format_option = click.option(
    "--format", "output", type=click.Choice(FORMATS), default="text", help="How to print; text is for people."
)


def show(value: Any, output: str, text: Callable[[], str]) -> None:
    """Print a value as JSON or YAML, or what `text` makes of it."""
    if output == "json":
        click.echo(json.dumps(value, indent=1, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        written = text()
        if written:
            click.echo(written)


def show_list(
    values: Sequence[Mapping[str, Any]],
    output: str,
    columns: Mapping[str, Callable[[Mapping[str, Any]], Any]],
) -> None:
    """Print a list, as a table for people: `columns` maps each heading to what gives its cell."""
    show(
        list(values),
        output,
        lambda: table(tuple(columns), [[cell(value) for cell in columns.values()] for value in values]),
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Align rows below their headings, flush right below one that starts with ">"; no line ends in blanks."""
    lines = [
        [heading.removeprefix(">") for heading in headings],
        *([_cell(cell) for cell in row] for row in rows),
    ]
    widths = [max(len(line[at]) for line in lines) for at in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if heading.startswith(">") else cell.ljust(width)
            for cell, width, heading in zip(line, widths, headings, strict=True)
        ).rstrip()
        for line in lines
    )


def fields(pairs: Iterable[tuple[str, Any]]) -> str:
    """Align names and values, one pair a line; pairs without a value are left out."""
    kept = [(name, _cell(value)) for name, value in pairs if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in kept), default=0) + 2
    return "\n".join(f"{name + ':':<{width}}{value}" for name, value in kept)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(str(one) for one in value)
    # One line each, whatever a description holds; and nothing that moves the cursor.
    text = str(value)
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def local(seconds: float) -> str:
    """Write a time in the time zone of who reads it; "-" for none."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def duration(seconds: float) -> str:
    """Write a number of seconds: "0.8 s", "2 min 5 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
