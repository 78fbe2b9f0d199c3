"""What the tests of jobs share: an engine that can be started again over the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.model import JobKind, Step
from edgelinux_hostd.jobs.store import JobStore
from pydantic import BaseModel

Start = Callable[..., JobEngine]


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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an engine over the one database of this test; those begun before are left as they are."""
    running: list[tuple[JobEngine, Database]] = []

    def start(kinds: Sequence[JobKind], **options: Any) -> JobEngine:
        database = Database(tmp_path / "state" / "hostd.db")
        options = {"delays": (0.0, 0.0), "faults": Faults(tmp_path / "faults")} | options
        bus = options.pop("bus", None) or EventBus()
        engine = JobEngine(JobStore(database), kinds, bus, **options)
        running.append((engine, database))
        engine.recover()
        return engine

    yield start
    for engine, database in running:
        engine.close(0.1)
        database.close()
