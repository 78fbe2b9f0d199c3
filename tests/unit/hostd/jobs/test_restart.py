from __future__ import annotations

import threading
from pathlib import Path

import pytest
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.jobs.model import Context, JobState, Step, StepState

from .conftest import LONG, Gate, Start, kind, nothing, refuse


def test_after_the_commit_a_step_is_tried_again(start: Start) -> None:
    tries: list[int] = []

    def busy(context: Context) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise EdgeLinuxError("dataset is busy")

    engine = start([kind(Step("rename", nothing, commits=True), Step("destroy", busy))])
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert (job.state, job.error, job.exit_code, len(tries)) == (JobState.DONE, "", 0, 3)


def test_what_cannot_be_finished_keeps_its_lock_and_is_tried_again(start: Start) -> None:
    broken = True

    def busy(context: Context) -> None:
        if broken:
            raise EdgeLinuxError("dataset is busy")

    kinds = [kind(Step("rename", nothing, commits=True), Step("destroy", busy))]
    engine = start(kinds)
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert (job.state, job.unsettled, job.exit_code) == (JobState.FAILED, True, 1)
    assert job.error == (
        f"dataset is busy; left to finish: destroy (`antlet job retry {job.id}` tries it again, "
        "and so does hostd when it starts)"
    )
    with pytest.raises(BusyError, match=f"something left; to go on with it: `antlet job retry {job.id}`"):
        engine.submit("create", {"name": "web1"})
    engine.retry(job.id)
    assert engine.wait(job.id, LONG).unsettled
    broken = False
    engine.close()
    engine = start(kinds)
    over = engine.wait(job.id, LONG)
    assert (over.state, over.unsettled, over.error, over.exit_code) == (JobState.DONE, False, "", 0)
    assert engine.wait(engine.submit("create", {"name": "web1"}).id, LONG).state is JobState.DONE
    with pytest.raises(RefusedError, match="nothing left to try again"):
        engine.retry(job.id)


def test_what_cannot_be_undone_says_what_is_left_and_is_tried_again(start: Start) -> None:
    broken = True

    def busy(context: Context) -> None:
        if broken:
            raise EdgeLinuxError("dataset is busy")

    kinds = [kind(Step("clone", nothing, busy), Step("mount", refuse))]
    engine = start(kinds)
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert (job.state, job.unsettled, job.exit_code) == (JobState.FAILED, True, 5)
    assert job.error == (
        f"web1 has clones; dataset is busy; left to undo: clone (`antlet job retry {job.id}` tries it again, "
        "and so does hostd when it starts)"
    )
    broken = False
    engine.retry(job.id)
    over = engine.wait(job.id, LONG)
    assert (over.state, over.unsettled, over.error) == (JobState.FAILED, False, "web1 has clones")
    assert over.steps == (("clone", StepState.UNDONE), ("mount", StepState.UNDONE))


def test_what_is_tried_again_is_not_tried_twice_at_once(start: Start) -> None:
    gate = Gate()
    broken = [EdgeLinuxError("dataset is busy")] * 3

    def busy(context: Context) -> None:
        if broken:
            raise broken.pop()
        gate.do(context)

    engine = start([kind(Step("destroy", busy, commits=True))])
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert job.unsettled
    again = engine.retry(job.id)
    assert (again.state, again.unsettled, again.finished) == (JobState.RUNNING, False, 0.0)
    assert gate.runs.wait(LONG)
    with pytest.raises(RefusedError, match="nothing left to try again, it is running"):
        engine.retry(job.id)
    with pytest.raises(NotFoundError):
        engine.retry("nope")
    gate.go.set()
    assert engine.wait(job.id, LONG).state is JobState.DONE
    with pytest.raises(RefusedError, match="nothing left to try again, it is done"):
        engine.retry(job.id)


def test_nothing_is_tried_again_while_hostd_ends(start: Start) -> None:
    engine = start([kind(Step("clone", nothing, refuse), Step("mount", refuse))])
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert job.unsettled
    engine.close()
    with pytest.raises(BusyError, match="starting or ending"):
        engine.retry(job.id)


def test_an_orderly_stop_lets_the_step_end_and_the_next_start_goes_on(start: Start) -> None:
    gate = Gate()
    ran: list[str] = []
    kinds = [kind(Step("copy", gate.do), Step("start", lambda context: ran.append("start")))]
    engine = start(kinds)
    job = engine.submit("create", {"name": "web1"})
    assert gate.runs.wait(LONG)
    stopper = threading.Thread(target=engine.close, args=(LONG,))
    stopper.start()
    gate.go.set()
    stopper.join(LONG)
    with pytest.raises(BusyError, match="starting or ending"):
        engine.submit("create", {"name": "web2"})
    with pytest.raises(BusyError, match="starting or ending"):
        engine.cancel(job.id)
    engine = start(kinds)
    over = engine.wait(job.id, LONG)
    assert (over.state, over.attempts) == (JobState.DONE, 0)
    assert ran == ["start"]


def test_a_step_that_does_not_end_in_time_is_left_and_changes_nothing_more(start: Start) -> None:
    gate = Gate()
    kinds = [kind(Step("copy", gate.do))]
    engine = start(kinds)
    job = engine.submit("create", {"name": "web1"})
    assert gate.runs.wait(LONG)
    engine.close(0.01)
    assert engine.wait(job.id, LONG).state is JobState.RUNNING  # who waits is told at once
    gate.go.set()
    assert start(kinds).wait(job.id, LONG).state is JobState.DONE


def test_jobs_of_another_version_fail_and_let_go_of_their_locks(start: Start) -> None:
    engine = start([kind(Step("clone", nothing)), kind(Step("old", nothing), name="old")], workers=0)
    gone = engine.submit("old", {"name": "web1"})
    changed = engine.submit("create", {"name": "web2"})
    engine.close()
    engine = start([kind(Step("clone", nothing), Step("more", nothing))])
    assert engine.job(gone.id).error == "this version of hostd has no kind of job called old"
    assert engine.job(changed.id).error == "the steps of create are others in this version of hostd"
    for name in ("web1", "web2"):
        assert engine.wait(engine.submit("create", {"name": name}).id, LONG).state is JobState.DONE


def test_a_job_goes_on_at_the_next_start_when_its_database_cannot_be_written(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [kind(Step("clone", nothing))]
    engine = start(kinds, workers=0)
    job = engine.submit("create", {"name": "web1"})

    def full(*_: object) -> None:
        raise EdgeLinuxError("cannot write hostd.db: database or disk is full")

    monkeypatch.setattr(engine._store, "put", full)
    engine.work()
    lost = engine.job(job.id)
    assert lost.unsettled
    assert "database or disk is full" in lost.error
    with pytest.raises(BusyError):
        engine.submit("create", {"name": "web1"})
    assert start(kinds).wait(job.id, LONG).state is JobState.DONE
