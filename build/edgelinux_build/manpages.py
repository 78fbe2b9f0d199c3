"""Man pages of the commands, made from what the commands say about themselves (man(7)).

`python -m edgelinux_build.manpages FOLDER` writes them as man(1) looks for them: `man -M FOLDER edgelinux`.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from edgelinux_hostd import __version__
from edgelinux_hostd.cli import antlet
from edgelinux_installer.cli import make_parser

from edgelinux_build.cli import cli
from edgelinux_build.project import find_root, source_date_epoch
from edgelinux_build.rights import make_directory

__all__ = ["Command", "Page", "from_argparse", "from_click", "pages", "render"]


@dataclass(frozen=True)
class Command:
    """A command or a subcommand: how it is called, what it does, and its options with their help."""

    usage: str
    text: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """A man page. `epilog` tells of exit codes and the environment; `commands` has the subcommands."""

    name: str
    section: int
    summary: str
    command: Command
    commands: tuple[Command, ...] = ()
    epilog: str = ""


def from_click(name: str, section: int, command: click.Command) -> Page:
    """Describe a click command with all its subcommands."""
    context = click.Context(command, info_name=name, **command.context_settings)
    return Page(
        name,
        section,
        command.get_short_help_str(limit=200).rstrip("."),
        _command(command, context),
        tuple(_subcommands(command, context)),
        inspect.cleandoc(command.epilog or ""),
    )


def from_argparse(section: int, parser: argparse.ArgumentParser) -> Page:
    """Describe an argparse parser without subcommands."""
    options = tuple(
        (_argparse_names(action), (action.help or "") % {"default": action.default, "prog": parser.prog})
        for action in parser._actions  # there is no public way to them
    )
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    text = parser.description or ""
    return Page(
        parser.prog, section, text.rstrip("."), Command(usage, text, options), epilog=parser.epilog or ""
    )


def render(page: Page, date: str) -> str:
    """Return a page's source; `date` as YYYY-MM-DD."""
    title = f'.TH {page.name.upper()} {page.section} {date} "edgeLinux OS {__version__}" "edgeLinux OS"'
    lines = [title, ".SH NAME", rf"{_escape(page.name)} \- {_escape(page.summary)}"]
    lines += [".SH SYNOPSIS", *_usage(page.command.usage), ".SH DESCRIPTION", *_paragraphs(page.command.text)]
    lines += [".SH OPTIONS", *_options(page.command.options)]
    if page.commands:
        lines += [".SH COMMANDS"]
    for command in page.commands:
        lines += [f'.SS "{_escape(command.usage)}"', *_paragraphs(command.text), *_options(command.options)]
    if page.epilog:
        lines += [".SH EXIT STATUS", *_paragraphs(page.epilog)]
    return "\n".join(lines) + "\n"


def pages() -> tuple[Page, ...]:
    """Return the pages of all commands of this project."""
    return (
        from_click("edgelinux", 1, cli),
        from_click("antlet", 8, antlet),
        from_argparse(8, make_parser()),
    )


def _command(command: click.Command, context: click.Context) -> Command:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [option for option in command.get_params(context) if isinstance(option, click.Option)]
    records = (option.get_help_record(context) for option in options)
    text = inspect.cleandoc(command.help or "").partition("\f")[0]
    return Command(usage, text, tuple(record for record in records if record))


def _subcommands(command: click.Command, context: click.Context) -> Iterator[Command]:
    """Give the commands that do something, depth first; groups only lead to them."""
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is None or child.hidden:
            continue
        within = click.Context(child, info_name=name, parent=context, **child.context_settings)
        if not isinstance(child, click.Group):
            yield _command(child, within)
        yield from _subcommands(child, within)


def _argparse_names(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return names
    return f"{names} {action.metavar or '|'.join(map(str, action.choices or [action.dest.upper()]))}".strip()


def _usage(usage: str) -> list[str]:
    name, _, rest = usage.partition(" ")
    return [f".B {_escape(name)}", *_wrapped(rest)]


def _options(options: Sequence[tuple[str, str]]) -> list[str]:
    return [
        line
        for names, text in options
        for line in (".TP", rf"\fB{_escape(names)}\fR", *(_wrapped(text) or [r"\&"]))
    ]


def _paragraphs(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.replace("\b\n", "").split("\n\n"):
        lines += [".PP"] * bool(lines) + _wrapped(paragraph)
    return lines


def _wrapped(text: str) -> list[str]:
    words = " ".join(text.split())
    return [
        _escape(line) for line in textwrap.wrap(words, 70, break_long_words=False, break_on_hyphens=False)
    ]


def _escape(text: str) -> str:
    """Write text so that roff shows it as it is (groff_char(7))."""
    shown = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq").replace("'", r"\(aq")
    return rf"\&{shown}" if shown.startswith(".") else shown


def main(arguments: Sequence[str]) -> int:
    """Write all pages below the folder that is given; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m edgelinux_build.manpages FOLDER", file=sys.stderr)
        return 2
    date = datetime.fromtimestamp(source_date_epoch(find_root()), UTC).strftime("%Y-%m-%d")
    for page in pages():
        target = Path(arguments[0]) / f"man{page.section}" / f"{page.name}.{page.section}"
        make_directory(target.parent)
        target.write_text(render(page, date), encoding="utf-8")
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
