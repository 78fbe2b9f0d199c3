from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.jobs import context as context_module
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.model import Context, Job, JobState, Step, StepState

from .conftest import Start, kind

LONG = 30.0


class Gate:
    """A step that reports that it runs, and goes on when it is let."""

    def __init__(self) -> None:
        self.runs = threading.Event()
        self.go = threading.Event()

    def do(self, context: Context) -> None:
        self.runs.set()
        assert self.go.wait(LONG)
        context.progress(0.5)


def nothing(context: Context) -> None:
    pass


def refuse(context: Context) -> None:
    raise RefusedError("web1 has clones", items=["web2", "web3"])


def test_a_job_is_persisted_before_it_runs_and_done_after(start: Start) -> None:
    def do(context: Context) -> None:
        context.keep(number=25)
        context.give(antlet=context.params.name, number=context.values["number"])

    engine = start([kind(Step("allocate", do), Step("start", nothing))])
    job = engine.submit("create", {"name": "web1"})
    assert (job.state, job.title, job.params) == (JobState.QUEUED, "create web1", {"name": "web1"})
    done = engine.wait(job.id, LONG)
    assert done.state is JobState.DONE
    assert done.steps == (("allocate", StepState.DONE), ("start", StepState.DONE))
    assert (done.progress, done.exit_code, done.error) == (1.0, 0, "")
    assert done.result == {"antlet": "web1", "number": 25}
    assert done.created <= done.started <= done.finished


def test_an_error_undoes_the_failing_step_too_and_leaves_its_words(start: Start) -> None:
    undone: list[str] = []
    engine = start(
        [
            kind(
                Step("clone", nothing, lambda context: undone.append("clone")),
                Step("check", nothing),
                Step("mount", refuse, lambda context: undone.append("mount")),
                Step("start", nothing, lambda context: undone.append("start")),
            )
        ]
    )
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert undone == ["mount", "clone"]
    assert (job.state, job.error, job.exit_code) == (JobState.FAILED, "web1 has clones", 5)
    assert job.items == ("web2", "web3")
    assert any("mount: web1 has clones" in line for line in engine.log(job.id))


def test_an_error_that_is_not_meant_for_people_is_one_line_with_the_step(start: Start) -> None:
    def do(context: Context) -> None:
        raise ValueError("two\nlines")

    engine = start([kind(Step("mount", do))])
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert job.error == "step mount failed unexpectedly: ValueError: two lines"
    assert job.exit_code == 1


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


def test_what_cannot_be_submitted(start: Start) -> None:
    engine = start([kind(Step("clone", nothing))])
    with pytest.raises(InvalidError, match="no kind of job called fly"):
        engine.submit("fly", {})
    with pytest.raises(InvalidError, match="create: name: Field required"):
        engine.submit("create", {})
    with pytest.raises(NotFoundError, match="there is no job abc"):
        engine.job("abc")
    with pytest.raises(NotFoundError):
        engine.log("abc")
    with pytest.raises(NotFoundError):
        engine.wait("abc", LONG)
    assert engine.jobs() == []


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
    assert job.error == "dataset is busy; left to finish: destroy (tried again when hostd starts)"
    with pytest.raises(BusyError, match="failed with something left, and is tried again when hostd starts"):
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
        "web1 has clones; dataset is busy; left to undo: clone (tried again when hostd starts)"
    )
    broken = False
    engine.retry(job.id)
    over = engine.wait(job.id, LONG)
    assert (over.state, over.unsettled, over.error) == (JobState.FAILED, False, "web1 has clones")
    assert over.steps == (("clone", StepState.UNDONE), ("mount", StepState.UNDONE))


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


def test_listing_is_newest_first_and_active_leaves_out_what_is_over(start: Start) -> None:
    engine = start([kind(Step("clone", nothing))], workers=0)
    first = engine.submit("create", {"name": "web1"})
    engine.work()
    second, third = (engine.submit("create", {"name": name}) for name in ("web2", "web3"))
    assert [job.id for job in engine.jobs()] == [third.id, second.id, first.id]
    assert [job.id for job in engine.jobs(active=True)] == [third.id, second.id]


def test_progress_is_seen_at_once_but_told_and_persisted_only_now_and_then(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_module, "EVENT_SECONDS", 3600)
    monkeypatch.setattr(context_module, "SAVE_SECONDS", 3600)
    bus = EventBus(silence=0.01)
    seen: list[Job] = []

    def do(context: Context) -> None:
        for part in range(100):
            context.progress(part / 100, f"{part} %")
        context.progress(0.2, "back")
        seen.append(engine.job(context.job))

    engine = start([kind(Step("copy", do), Step("start", nothing))], bus=bus)
    engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert (seen[0].progress, seen[0].message) == (0.495, "back")  # never backwards
    events = []
    for event in bus.subscribe(0):
        if not event:
            break
        events.append(event)
    assert [(event["state"], event["step"]) for event in events] == [
        ("queued", ""),
        ("running", "copy"),
        ("running", "copy"),
        ("running", "start"),
        ("running", "start"),
        ("done", ""),
    ]
    assert {event["type"] for event in events} == {"job"}
    assert events[-1]["title"] == "create web1"


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
