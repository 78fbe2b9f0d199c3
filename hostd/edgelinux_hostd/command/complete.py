"""Completion of names that hostd knows; nothing is offered when it cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from edgelinux_hostd.command.client import SOCKET, Client, path
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["absent_pools", "antlets", "jobs", "pools", "snapshots", "templates", "unsettled_jobs"]

# Somebody holds the Tab key down meanwhile.
_PATIENCE = 1.0

_Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _all(one: Mapping[str, Any]) -> bool:
    return True


def _names(
    field: str, where: Callable[[click.Context], str], fits: Callable[[Mapping[str, Any]], bool] = _all
) -> _Complete:
    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        socket = ctx.find_root().params.get("socket") or SOCKET
        try:
            found: Any = Client(socket, _PATIENCE).get(where(ctx))
            names = {str(one[field]) for one in found if fits(one)}
            return sorted(name for name in names if name.startswith(incomplete))
        except (EdgeLinuxError, OSError, ValueError, LookupError, TypeError):
            return []

    return complete


antlets = _names("dname", lambda ctx: path("antlets"))
templates = _names("name", lambda ctx: path("templates"))
pools = _names("name", lambda ctx: path("pools"))
absent_pools = _names("name", lambda ctx: path("pools"), lambda one: one.get("reason") == "not imported")
jobs = _names("id", lambda ctx: path("jobs"))
unsettled_jobs = _names("id", lambda ctx: path("jobs"), lambda one: bool(one["unsettled"]))
snapshots = _names("name", lambda ctx: path("antlets", str(ctx.params["name"]), "snapshots"))
