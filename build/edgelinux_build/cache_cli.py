"""`edgelinux cache`: what the build keeps, and getting rid of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from .cache import Cache, Result, cache_home
from .rights import become_root
from .tables import show_table

__all__ = ["cache", "select"]

_DAY = 86400.0
# Package files: diskimage-builder's, for each tree that is made by itself, and those of package sets.
_DOWNLOADS = ("diskimage-builder*", "mirror")


@click.group()
def cache() -> None:
    """Show or prune the results of stages that are kept between builds."""


@cache.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(form: str) -> None:
    """List cached results, the most recently used first."""
    store = Cache(cache_home())
    now = time.time()
    rows = [
        {
            "stage": result.stage,
            "key": result.key,
            "bytes": _size(result.path),
            "built_in_seconds": result.seconds,
            "used": result.used,
            "path": str(result.path),
        }
        for result in store.results()
    ]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    show_table(
        ("STAGE", "KEY", "SIZE", "BUILT IN", "USED"),
        [
            (
                row["stage"],
                str(row["key"])[:12],
                f"{float(str(row['bytes'])) / 1e6:.0f} MB",
                f"{row['built_in_seconds']} s",
                _ago(now - float(str(row["used"]))),
            )
            for row in rows
        ],
    )


@cache.command()
@click.option(
    "--days", type=click.FloatRange(min=0), default=14.0, show_default=True, help="Keep what was used since."
)
@click.option("--all", "everything", is_flag=True, help="Remove everything, downloaded packages too.")
def prune(days: float, everything: bool) -> None:
    """Remove cached results that no build used lately."""
    become_root(sys.argv[1:], "pruning the cache")
    store = Cache(cache_home())

    def busy() -> None:
        raise EdgeLinuxError("a build uses the cache", hint="prune when it has ended")

    with store.session(alone=True, on_wait=busy):
        doomed = select(store.results(), time.time() - days * _DAY, everything=everything)
        freed = sum(_size(result.path) for result in doomed)
        for result in doomed:
            store.remove(result)
        if everything:
            for downloads in (path for name in _DOWNLOADS for path in store.root.glob(name)):
                freed += _size(downloads)
                run(["rm", "-rf", "--one-file-system", downloads])
    click.echo(f"removed {len(doomed)} results, {freed / 1e6:.0f} MB")


def select(results: list[Result], since: float, *, everything: bool) -> list[Result]:
    """Choose what to remove: all, or what was last used before `since` (seconds since the epoch)."""
    return [result for result in results if everything or result.used < since]


def _size(path: Path) -> int:
    """Return the bytes a directory takes; what cannot be read counts as nothing."""
    if not path.exists():
        return 0
    text = run(["du", "--summarize", "--block-size=1", path], check=False).stdout
    return int(text.split()[0]) if text.split() else 0


def _ago(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name} ago"
    return "just now"
