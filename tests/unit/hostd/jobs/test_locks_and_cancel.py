from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from edgelinux_hostd.errors import BusyError, RefusedError
from edgelinux_hostd.jobs.model import JobState, Step

from .conftest import LONG, Gate, Start, kind, nothing


def test_a_second_job_on_the_same_antlet_is_refused_until_the_first_is_over(start: Start) -> None:
    gate = Gate()
    engine = start([kind(Step("clone", gate.do)), kind(Step("stop", nothing), name="stop")])
    first = engine.submit("create", {"name": "web1"})
    assert gate.runs.wait(LONG)
    with pytest.raises(BusyError) as error:
        engine.submit("stop", {"name": "web1"})
    assert str(error.value) == f"antlet web1 is busy: job {first.id} (create web1) is running"
    assert [job.id for job in engine.jobs()] == [first.id]
    other = engine.submit("stop", {"name": "web2"})
    gate.go.set()
    engine.wait(first.id, LONG)
    engine.wait(other.id, LONG)
    assert engine.wait(engine.submit("stop", {"name": "web1"}).id, LONG).state is JobState.DONE


def test_a_job_holds_its_lock_while_it_waits_to_run(start: Start) -> None:
    engine = start([kind(Step("clone", nothing))], workers=0)
    engine.submit("create", {"name": "web1"})
    with pytest.raises(BusyError, match="is waiting to run"):
        engine.submit("create", {"name": "web1"})


def test_of_two_submits_at_once_one_wins(start: Start) -> None:
    engine = start([kind(Step("clone", nothing))], workers=0)
    together = threading.Barrier(8)

    def submit(_: int) -> bool:
        together.wait(LONG)
        try:
            engine.submit("create", {"name": "web1"})
        except BusyError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(submit, range(8))) == [False] * 7 + [True]
    assert len(engine.jobs()) == 1


def test_cancel_stops_a_step_at_its_next_progress_and_undoes(start: Start) -> None:
    gate, undone = Gate(), threading.Event()
    engine = start([kind(Step("copy", gate.do, lambda context: undone.set()))])
    job = engine.submit("create", {"name": "web1"})
    assert gate.runs.wait(LONG)
    assert engine.cancel(job.id).cancel
    gate.go.set()
    over = engine.wait(job.id, LONG)
    assert (over.state, over.error, over.exit_code) == (JobState.CANCELLED, "", 1)
    assert undone.is_set()
    lines = [line.split(" ", 1)[1] for line in engine.log(job.id)]
    assert lines == ["copy: begun", f"copy: job {job.id} was asked to stop", "copy: undoing"]
    with pytest.raises(RefusedError, match="is over, it is cancelled"):
        engine.cancel(job.id)


def test_cancel_is_honoured_between_steps_that_report_no_progress(start: Start) -> None:
    ran: list[str] = []
    engine = start(
        [kind(Step("one", lambda context: cancel(context.job)), Step("two", lambda c: ran.append("two")))]
    )

    def cancel(job: str) -> None:
        engine.cancel(job)

    assert engine.wait(engine.submit("create", {"name": "web1"}).id, LONG).state is JobState.CANCELLED
    assert ran == []


def test_cancel_of_a_job_that_waits_ends_it_at_once(start: Start) -> None:
    ran: list[str] = []
    engine = start([kind(Step("one", lambda context: ran.append("one")))], workers=0)
    job = engine.submit("create", {"name": "web1"})
    assert engine.cancel(job.id).state is JobState.CANCELLED
    assert engine.submit("create", {"name": "web1"}).state is JobState.QUEUED
    while engine.work():
        pass
    assert ran == ["one"]


def test_cancel_after_the_commit_is_refused_and_the_job_done(start: Start) -> None:
    gate = Gate()
    engine = start([kind(Step("destroy", gate.do, commits=True))])
    job = engine.submit("create", {"name": "web1"})
    assert gate.runs.wait(LONG)
    with pytest.raises(RefusedError, match="past the point where it could be undone"):
        engine.cancel(job.id)
    gate.go.set()
    assert engine.wait(job.id, LONG).state is JobState.DONE
