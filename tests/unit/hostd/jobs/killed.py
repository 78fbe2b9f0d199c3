"""A hostd of its own, to be killed: runs one kind of job, whose steps make files, over a database and faults.

Run as a program: `killed.py DIRECTORY [submit]`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.model import Context, Job, JobKind, Step
from edgelinux_hostd.jobs.store import JobStore
from pydantic import BaseModel

FILES = ("dataset", "mountpoint", "domain", "lease")


class Params(BaseModel):
    directory: str


def _made(name: str, *, undo: bool, commits: bool = False) -> Step:
    def do(context: Context) -> None:
        Path(context.params.directory, name).write_text(context.job)
        context.progress(0.5, name)

    def remove(context: Context) -> None:
        Path(context.params.directory, name).unlink(missing_ok=True)

    return Step(name, do, remove if undo else None, commits)


KIND = JobKind(
    name="create",
    params=Params,
    steps=(
        Step("check", lambda context: None),
        _made("dataset", undo=True),
        _made("mountpoint", undo=True),
        _made("domain", undo=True, commits=True),
        _made("lease", undo=False),
    ),
    locks=lambda params: [f"antlet/{Path(params.directory).name}"],
    title=lambda params: f"create {Path(params.directory).name}",
)


def run(directory: Path, *, submit: bool) -> Job:
    """Start, take up what there is, have it end, and stop in order; give the newest job."""
    database = Database(directory / "hostd.db")
    engine = JobEngine(
        JobStore(database),
        [KIND],
        EventBus(),
        faults=Faults(directory / "faults", owner=os.getuid()),
        delays=(0.0,),
    )
    engine.recover()
    if submit:
        engine.submit("create", {"directory": str(directory / "world")})
    job = engine.wait(engine.jobs()[0].id, 60)
    engine.close()
    database.close()
    return job


if __name__ == "__main__":
    run(Path(sys.argv[1]), submit="submit" in sys.argv[2:])
