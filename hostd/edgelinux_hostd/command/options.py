"""Arguments and options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from edgelinux_hostd import sizes
from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import Client
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError

__all__ = ["COMPRESSION", "SIZE", "agree", "cards", "keys", "name_argument", "pass_client"]

COMPRESSION = click.Choice(["off", "lz4", "inherit"])

pass_client = click.make_pass_decorator(Client)

name_argument = click.argument("name", shell_complete=complete.antlets)


class _Size(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return sizes.parse(value)
        except InvalidError as error:
            self.fail(str(error), param, ctx)


SIZE = _Size()


def cards(bridges: Sequence[str], network: bool) -> list[dict[str, str]] | None:
    """Give the network cards that --bridge and --network ask for; None without either."""
    found = [{"type": "network", "source": "bblv"}] if network else []
    for text in bridges:
        bridge, _, static = text.partition("=")
        address, _, gateway = static.partition(",")
        card = {"type": "bridge", "source": bridge, "address": address, "gateway": gateway}
        found.append({key: value for key, value in card.items() if value})
    return found or None


def keys(files: Sequence[str]) -> list[str]:
    """Read public keys, one a line; raises EdgeLinuxError."""
    found = []
    for file in files:
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise EdgeLinuxError(
                f"cannot read {file}: {getattr(error, 'strerror', None) or 'not text'}"
            ) from None
        if any("PRIVATE KEY" in line for line in lines):
            raise InvalidError(f"{file} is a private key", hint=f"{file}.pub is the one to give")
        found += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return found


def agree(question: str, yes: bool) -> None:
    """Ask on a terminal before something is lost; elsewhere the command itself is the answer."""
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True)
