"""Following a job to its end: progress on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from edgelinux_hostd.command.client import ApiError, Client, UnreachableError, path
from edgelinux_hostd.command.output import format_option, show
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["follow", "perform", "remarks", "wait_option", "work_options"]

# For how long hostd holds an answer back while nothing ends, in seconds: so often progress is read.
_HOLD = 0.3
# How often it is asked again, and after how many seconds, when hostd cannot be reached.
_TRIES = 15
_AGAIN = 1.0
_INTERRUPTED = 130

_Report = Callable[[Mapping[str, Any]], None]

wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until it is done, or only start it."
)


def work_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --wait/--no-wait and --format."""
    return wait_option(format_option(command))


def perform(
    client: Client,
    method: str,
    where: str,
    body: Any = None,
    *,
    wait: bool,
    output: str,
    said: str | Callable[[Mapping[str, Any]], str],
    result: Callable[[], Any] | None = None,
) -> None:
    """Start a job, follow it when told to wait, and print `said` for people or `result` for programs.

    `said` may be made of the job at its end, {} when there was nothing to do.
    """
    job = client.job(method, where, body)
    if job and not wait:
        show(job, output, lambda: f"job {job['id']}: {job['title']}")
        return
    final = follow(client, job) if job else {}
    for line in remarks(final):
        click.echo(line, err=True)
    if output == "text":
        click.echo(said if isinstance(said, str) else said(final))
    else:
        show(result() if result else final, output, str)


def remarks(job: Mapping[str, Any]) -> list[str]:
    """Give what a person should know of a job that is done, a line each."""
    result = job.get("result") or {}
    said = [f"warning: {result['warning']}"] if result.get("warning") else []
    if result.get("pending"):
        said.append(f"from its next start on: {', '.join(result['pending'])}")
    return [*said, *(f"replaced: {note}" for note in result.get("notes") or ())]


def follow(client: Client, job: Mapping[str, Any]) -> dict[str, Any]:
    """Wait until a job is final and return it; raises ApiError when it failed or was cancelled.

    Ctrl-C ends the waiting, not the job: EdgeLinuxError with exit code 130 says how to go on.
    """
    name = str(job["id"])
    now: dict[str, Any] = dict(job)
    try:
        now = _poll(client, name)
        if not now["final"]:
            with _reporting() as report:
                while not now["final"]:
                    report(now)
                    now = _poll(client, name)
    except KeyboardInterrupt:
        raise EdgeLinuxError(
            f"job {name} goes on without you",
            hint=f"`antlet job wait {name}` follows it, `antlet job cancel {name}` stops and undoes it",
            exit_code=_INTERRUPTED,
        ) from None
    if now["state"] != "done":
        message = now["error"] or f"job {name} was {now['state']}"
        raise ApiError(message, exit_code=now["exit-code"] or 1, items=tuple(now["items"]))
    return now


def _poll(client: Client, name: str) -> dict[str, Any]:
    where = f"{path('jobs', name)}?wait={_HOLD}"
    for _ in range(_TRIES):
        try:
            found: dict[str, Any] = client.get(where)
        except UnreachableError as error:
            # hostd may be restarting: jobs outlive that.
            lost = error
            time.sleep(_AGAIN)
        else:
            return found
    raise UnreachableError(
        f"job {name} was started, but then {lost.message}", hint=f"`antlet job wait {name}` follows it on"
    )


@contextmanager
def _reporting() -> Iterator[_Report]:
    if not sys.stderr.isatty():
        yield _lines()
        return
    # Rich is slow to import, so only now that somebody waits and watches.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda job: progress.update(task, description=_doing(job), completed=job["progress"])


def _lines() -> _Report:
    last = ""

    def report(job: Mapping[str, Any]) -> None:
        nonlocal last
        if (doing := _doing(job)) != last:
            last = doing
            click.echo(doing, err=True)

    return report


def _doing(job: Mapping[str, Any]) -> str:
    step = next((step["name"] for step in job["steps"] if step["state"] == "begun"), job["state"])
    return f"{job['title']}: {job['message'] or step}"
