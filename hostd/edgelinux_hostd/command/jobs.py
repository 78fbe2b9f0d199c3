"""`antlet job` and `antlet events`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import click

from edgelinux_hostd.command import complete
from edgelinux_hostd.command.client import ApiError, Client, UnreachableError, path
from edgelinux_hostd.command.options import pass_client
from edgelinux_hostd.command.output import duration, fields, format_option, local, show, show_list
from edgelinux_hostd.command.watch import follow, remarks, work_options

__all__ = ["COMMANDS"]

# hostd sends what it keeps at once; when nothing comes for so many seconds, that was all.
_PATIENCE = 1.0
_AGAIN = 2.0

_id = click.argument("job_id", metavar="ID", shell_complete=complete.jobs)


@click.group()
def job() -> None:
    """Jobs: whatever changes something is one."""


@job.command("list")
@click.option("--active", is_flag=True, help="Only those that are not finished.")
@format_option
@pass_client
def list_jobs(client: Client, active: bool, output: str) -> None:
    """List jobs, newest first."""
    show_list(
        client.get(f"{path('jobs')}?active={str(active).lower()}"),
        output,
        {
            "ID": lambda one: one["id"],
            "STATE": lambda one: one["state"],
            ">DONE": lambda one: f"{one['progress'] * 100:.0f} %",
            "STARTED": lambda one: local(one["started"]),
            ">TOOK": _took,
            "WHAT": lambda one: one["title"],
        },
    )


def _took(one: Mapping[str, Any]) -> str:
    return duration(one["finished"] - one["started"]) if one["started"] and one["finished"] else "-"


@job.command("show")
@_id
@format_option
@pass_client
def show_job(client: Client, job_id: str, output: str) -> None:
    """Show a job and its steps."""
    found = client.get(path("jobs", job_id))
    show(found, output, lambda: _described(found))


def _described(one: Mapping[str, Any]) -> str:
    pairs = [
        ("id", one["id"]),
        ("what", one["title"]),
        ("kind", one["kind"]),
        ("state", one["state"]),
        ("done", f"{one['progress'] * 100:.0f} %"),
        ("now", one["message"] if not one["final"] else ""),
        ("error", one["error"]),
        *(("against it", item) for item in one["items"]),
        ("created", local(one["created"])),
        ("started", local(one["started"]) if one["started"] else ""),
        ("finished", local(one["finished"]) if one["finished"] else ""),
        ("attempts", one["attempts"]),
    ]
    return fields(
        [*pairs, *((f"step {at}", f"{step['name']} ({step['state']})") for at, step in _steps(one))]
    )


def _steps(one: Mapping[str, Any]) -> list[tuple[int, Mapping[str, str]]]:
    return list(enumerate(one["steps"], 1))


@job.command()
@_id
@pass_client
def log(client: Client, job_id: str) -> None:
    """Print a job's log."""
    click.echo(client.text(path("jobs", job_id, "log")), nl=False)


@job.command()
@_id
@format_option
@pass_client
def cancel(client: Client, job_id: str, output: str) -> None:
    """Ask a job to stop and to undo what it did."""
    found = client.send("POST", path("jobs", job_id, "cancel"))
    show(found, output, lambda: f"job {job_id} was asked to stop")


@job.command()
@click.argument("job_id", metavar="ID", shell_complete=complete.unsettled_jobs)
@work_options
@pass_client
def retry(client: Client, job_id: str, wait: bool, output: str) -> None:
    """Go on with a job that failed with something left to finish or to undo.

    Until then nothing else may work on what it works on. When it is undone in the end, it still failed: the
    exit code is what its command's was.
    """
    found = client.job("POST", path("jobs", job_id, "retry"))
    if not wait:
        show(found, output, lambda: f"job {job_id} is tried again")
        return
    try:
        final = follow(client, found)
    except ApiError as error:
        if client.get(path("jobs", job_id))["unsettled"]:
            raise
        raise ApiError(
            f"job {job_id} is undone now: {error.message}", exit_code=error.exit_code, items=error.items
        ) from None
    for line in remarks(final):
        click.echo(line, err=True)
    show(final, output, lambda: f"job {job_id} is done")


@job.command()
@_id
@format_option
@pass_client
def wait(client: Client, job_id: str, output: str) -> None:
    """Wait until a job is finished; the exit code is what its command's would have been."""
    found = follow(client, client.get(path("jobs", job_id)))
    show(found, output, lambda: f"job {job_id} is done")


@click.command()
@click.option("--follow", "on", is_flag=True, help="Print what happens from now on, until Ctrl-C.")
@click.option(
    "--after", type=click.IntRange(0), metavar="ID", help="Begin after this event, if it is still kept."
)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@pass_client
def events(client: Client, on: bool, after: int | None, output: str) -> None:
    """Print what happened on this host, as far as hostd still knows; JSON is one object a line."""
    first = after if after is not None or on else 0
    last = None if first is None else str(first)
    while True:
        try:
            for event in client.events(last, None if on else _PATIENCE):
                last = str(event["id"])
                click.echo(json.dumps(event) if output == "json" else _line(event))
        except UnreachableError:
            # hostd is being restarted, and knows the events that were missed meanwhile.
            if last is None or not on:
                raise
        except KeyboardInterrupt:
            return
        if not on:
            return
        try:
            time.sleep(_AGAIN)
        except KeyboardInterrupt:
            return


def _line(event: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in event.items() if key not in ("id", "time", "type")}
    words = " ".join(f"{key}={_word(value)}" for key, value in rest.items())
    return f"{local(event.get('time', 0))}  {event['type']:<7} {words}".rstrip()


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value)


COMMANDS = (job, events)
