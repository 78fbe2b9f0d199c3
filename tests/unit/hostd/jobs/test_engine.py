from __future__ import annotations

import sys

import pytest
from edgelinux_hostd.errors import InvalidError, NotFoundError
from edgelinux_hostd.jobs import context as context_module
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.model import Context, Job, JobState, Step, StepState

from .conftest import LONG, Start, kind, nothing, refuse


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


def test_a_step_that_would_end_its_thread_fails_and_the_next_job_runs(start: Start) -> None:
    def do(context: Context) -> None:
        if context.params.name == "web1":
            sys.exit(3)

    engine = start([kind(Step("mount", do))], workers=1)
    job = engine.wait(engine.submit("create", {"name": "web1"}).id, LONG)
    assert (job.state, job.error) == (JobState.FAILED, "step mount failed unexpectedly: SystemExit: 3")
    assert engine.wait(engine.submit("create", {"name": "web2"}).id, LONG).state is JobState.DONE


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
        ("running", "start"),
        ("done", ""),
    ]
    assert {event["type"] for event in events} == {"job"}
    assert events[-1]["title"] == "create web1"
