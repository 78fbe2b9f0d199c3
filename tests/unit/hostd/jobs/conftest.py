"""What the tests of jobs share: an engine that can be started again over the same file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.jobs.store import JobStore
from pydantic import BaseModel

Start = Callable[..., JobEngine]


LONG = 120.0
"""Seconds that nothing takes, however busy the disk is; a test that waits so long fails."""


class Params(BaseModel):
    name: str


def kind(*steps: Step, name: str = "create") -> JobKind:
    """A kind of job that works on the antlet it is given."""
    return JobKind(
        name=name,
        params=Params,
        steps=steps,
        locks=lambda params: [f"antlet/{params.name}"],
        title=lambda params: f"{name} {params.name}",
    )


class Gate:
    """A step that reports that it runs, and goes on when it is let, however long that takes.

    Were it to give up by itself, it would fail with an error of its own wherever the test is slow: each
    change of a job waits for the disk.
    """

    def __init__(self) -> None:
        self.runs = threading.Event()
        self.go = threading.Event()

    def do(self, context: Context) -> None:
        self.runs.set()
        self.go.wait()
        context.progress(0.5)


def nothing(context: Context) -> None:
    pass


def refuse(context: Context) -> None:
    raise RefusedError("web1 has clones", items=["web2", "web3"])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an engine over the one database of this test; those begun before are left as they are."""
    running: list[tuple[JobEngine, Database]] = []

    def start(
        kinds: Sequence[JobKind],
        *,
        bus: EventBus | None = None,
        workers: int = 4,
        delays: Sequence[float] = (0.0, 0.0),
    ) -> JobEngine:
        database = Database(tmp_path / "state" / "hostd.db")
        engine = JobEngine(
            JobStore(database),
            kinds,
            bus or EventBus(),
            workers=workers,
            faults=Faults(tmp_path / "faults"),
            delays=delays,
        )
        running.append((engine, database))
        engine.recover()
        return engine

    yield start
    for engine, database in running:
        engine.close(0.1)
        database.close()
