"""Jobs of any shape; errors, crashes, cancels and restarts at any point: nothing is ever left half-made."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.machine import CRASHES
from edgelinux_hostd.jobs.model import Abandoned, Context, Job, JobKind, JobState, Step
from edgelinux_hostd.jobs.store import JobStore

pytest.importorskip("hypothesis", reason="hypothesis is compiled for the build host's Python only")

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from .conftest import kind

NAMES = ("web1", "web2", "web3")
# What happens at each point that is reached: nothing for a while, then some trouble a few times, and again.
TROUBLE = st.tuples(st.integers(0, 24), st.sampled_from(["fail", "crash", "cancel"]), st.integers(1, 4))
SCRIPTS = st.lists(TROUBLE, min_size=1, max_size=4).map(
    lambda troubles: [word for calm, what, often in troubles for word in ["go on"] * calm + [what] * often]
)
# Each bool is a step, with something to undo or not; the number is the step that commits, if there is one.
SHAPES = st.tuples(st.lists(st.booleans(), min_size=2, max_size=5), st.integers(0, 6))


class Points(Faults):
    """Has what the script says happen where hostd can be killed."""

    def __init__(self, machine: Jobs) -> None:
        self._machine = machine

    def at(self, kind: JobKind, step: Step, point: str) -> None:
        self._machine.point(may_fail=point != "done")


class Jobs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.script: list[str] = []
        self.running = ""
        self.world: dict[str, set[int]] = defaultdict(set)
        self.calls: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self.kept: dict[str, dict[str, int]] = defaultdict(dict)
        self.cancelled: set[str] = set()
        self.jobs: dict[str, tuple[str, str]] = {}
        self.kinds: dict[str, JobKind] = {}
        self.effects: dict[str, set[int]] = {}

    @initialize(shapes=st.lists(SHAPES, min_size=1, max_size=3))
    def begin(self, shapes: list[tuple[list[bool], int]]) -> None:
        for number, (undoable, commit) in enumerate(shapes):
            name = f"kind{number}"
            steps = [self.step(step, undoable[step], commit) for step in range(len(undoable))]
            self.kinds[name] = kind(*steps, name=name)
            self.effects[name] = {step for step in range(len(undoable)) if undoable[step] or step >= commit}
        self.start()

    def step(self, number: int, undoable: bool, commit: int) -> Step:
        def do(context: Context) -> None:
            self.running = context.job
            self.calls[context.job].append(("do", number))
            assert self.kept[context.job].items() <= context.values.items()
            self.point()
            if undoable or number >= commit:
                self.world[context.job].add(number)
            context.keep(**{f"step{number}": number})
            self.kept[context.job][f"step{number}"] = number
            self.point()
            context.progress(0.5)
            self.point()

        def undo(context: Context) -> None:
            self.running = context.job
            self.calls[context.job].append(("undo", number))
            self.point()
            self.world[context.job].discard(number)
            context.progress(0.5)
            self.point()

        return Step(f"step{number}", do, undo if undoable else None, commits=number == commit)

    def point(self, *, may_fail: bool = True) -> None:
        outcome = self.script.pop(0) if self.script else "go on"
        if outcome == "crash":
            raise Abandoned
        if outcome == "cancel" and self.running:
            self.cancel(self.running)
        if outcome == "fail" and may_fail:
            raise EdgeLinuxError("it failed")

    def start(self) -> None:
        self.database = Database(self.directory / "hostd.db")
        self.database.query("PRAGMA synchronous = OFF")  # no power fails here
        self.engine = JobEngine(
            JobStore(self.database),
            self.kinds.values(),
            EventBus(),
            workers=0,
            faults=Points(self),
            delays=(0.0,),
        )
        self.engine.recover()

    def cancel(self, job: str) -> None:
        with suppress(RefusedError):
            self.engine.cancel(job)
            self.cancelled.add(job)

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def submit(self, data: st.DataObject, name: str) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.kinds)))
        busy = any(
            held == name and (not self.engine.job(job).state.final or self.engine.job(job).unsettled)
            for job, (_, held) in self.jobs.items()
        )
        try:
            job = self.engine.submit(chosen, {"name": name})
        except BusyError:
            assert busy
        else:
            assert not busy
            self.jobs[job.id] = (chosen, name)

    @precondition(lambda self: any(not self.engine.job(job).state.final for job in self.jobs))
    @rule(script=SCRIPTS)
    def work(self, script: list[str]) -> None:
        self.script, self.running = script, ""
        try:
            while self.engine.work():
                pass
        except Abandoned:
            self.restart(orderly=False)

    @rule(orderly=st.booleans())
    def restart(self, orderly: bool) -> None:
        if orderly:
            self.engine.close(0)
        self.database.close()
        self.start()

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel_one(self, data: st.DataObject) -> None:
        self.cancel(data.draw(st.sampled_from(list(self.jobs))))

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def retry_one(self, data: st.DataObject) -> None:
        with suppress(RefusedError):
            self.engine.retry(data.draw(st.sampled_from(list(self.jobs))))

    def teardown(self) -> None:
        try:
            if self.kinds:
                self.script = []
                self.restart(orderly=True)
                while self.engine.work():
                    pass
                for job, (chosen, _) in self.jobs.items():
                    self.check(self.engine.job(job), chosen)
                assert self.engine.jobs(active=True) == []
                self.database.close()
        finally:
            shutil.rmtree(self.directory)

    def check(self, job: Job, chosen: str) -> None:
        assert job.state.final
        assert not job.unsettled
        in_order(self.calls[job.id])
        commit = next((n for n, step in enumerate(self.kinds[chosen].steps) if step.commits), None)
        if "looked at by hand" in job.error:
            assert job.attempts >= CRASHES
            return
        if job.state is JobState.DONE:
            assert self.world[job.id] == self.effects[chosen]
            assert job.id not in self.cancelled
            assert job.error == ""
        else:
            assert self.world[job.id] == set()
            assert ("do", commit) not in self.calls[job.id]
            assert (job.state is JobState.CANCELLED) == (job.error == "")


def in_order(calls: list[tuple[str, int]]) -> None:
    """Forward one by one, then back one by one, each as often as it takes."""
    did = [number for what, number in calls if what == "do"]
    undid = [number for what, number in calls if what == "undo"]
    assert calls == [("do", number) for number in did] + [("undo", number) for number in undid]
    assert all(after - before in (0, 1) for before, after in pairwise(did))
    assert did[:1] in ([], [0])
    assert undid == sorted(undid, reverse=True)
    assert set(undid) <= set(did) | {max(did, default=-1) + 1}  # one that was persisted, and had not run


TestJobs: Any = Jobs.TestCase
TestJobs.settings = settings(max_examples=200, stateful_step_count=20, deadline=None)
