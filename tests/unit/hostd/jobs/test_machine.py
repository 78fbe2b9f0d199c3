from __future__ import annotations

from dataclasses import replace

import pytest
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs import machine
from edgelinux_hostd.jobs.machine import CRASHES, Do, Finish, Undo
from edgelinux_hostd.jobs.model import Context, Job, JobKind, JobState, Step, StepState

pytest.importorskip("hypothesis", reason="hypothesis is compiled for the build host's Python only")

from hypothesis import given
from hypothesis import strategies as st

from .conftest import kind

WAITING, BEGUN, DONE, UNDONE = StepState


def nothing(context: Context) -> None:
    pass


CREATE = kind(Step("check", nothing), Step("clone", nothing, nothing), Step("start", nothing, commits=True))


def job(
    *states: StepState, state: JobState = JobState.RUNNING, kind: JobKind = CREATE, **fields: object
) -> Job:
    states = states + (WAITING,) * (len(kind.steps) - len(states))
    steps = tuple((step.name, at) for step, at in zip(kind.steps, states, strict=True))
    plain = Job(id="1", kind=kind.name, title="create web1", params={}, state=state, steps=steps)
    return replace(plain, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (job(state=JobState.QUEUED), Do(0), job(BEGUN, started=9.0)),
        (job(DONE, started=1.0), Do(1), job(DONE, BEGUN, started=1.0, progress=1 / 3)),
        (job(DONE, BEGUN, started=1.0, progress=0.5), Do(1), job(DONE, BEGUN, started=1.0, progress=0.5)),
        (
            job(DONE, DONE, DONE, started=1.0, error="busy", exit_code=5, items=("web2",), message="x"),
            Finish(),
            job(DONE, DONE, DONE, state=JobState.DONE, started=1.0, finished=9.0, progress=1.0),
        ),
        (
            job(DONE, BEGUN, cancel=True, started=1.0),
            Undo(1),
            job(DONE, BEGUN, cancel=True, started=1.0, state=JobState.UNDOING),
        ),
        (
            job(DONE, UNDONE, state=JobState.UNDOING),
            Undo(0),
            job(DONE, UNDONE, state=JobState.UNDOING),
        ),
        (
            job(UNDONE, UNDONE, state=JobState.UNDOING, error="no space", exit_code=5),
            Finish(),
            job(UNDONE, UNDONE, state=JobState.FAILED, error="no space", exit_code=5, finished=9.0),
        ),
        (
            job(UNDONE, state=JobState.UNDOING, cancel=True),
            Finish(),
            job(UNDONE, state=JobState.CANCELLED, cancel=True, exit_code=1, finished=9.0),
        ),
    ],
)
def test_what_happens_next(before: Job, action: machine.Action, after: Job) -> None:
    assert machine.advance(before, CREATE, 9.0) == (after, action)


def test_an_error_turns_back_before_the_commit_only() -> None:
    failed = machine.fail(job(DONE, BEGUN), CREATE, RefusedError("no", items=["web2"]))
    assert (failed.state, failed.error, failed.exit_code, failed.items) == (
        JobState.UNDOING,
        "no",
        5,
        ("web2",),
    )
    failed = machine.fail(job(DONE, DONE, BEGUN), CREATE, OSError("gone"))
    assert (failed.state, failed.exit_code) == (JobState.RUNNING, 1)
    assert failed.error == "step start failed unexpectedly: OSError: gone"


@pytest.mark.parametrize(
    ("before", "state", "attempts", "error"),
    [
        (job(state=JobState.QUEUED), JobState.QUEUED, 0, ""),
        (job(DONE, BEGUN), JobState.RUNNING, 1, ""),
        (job(DONE, BEGUN, attempts=CRASHES - 1), JobState.UNDOING, 3, "hostd crashed 3 times in this job"),
        (job(DONE, BEGUN, state=JobState.UNDOING, attempts=CRASHES), JobState.UNDOING, 4, ""),
        (
            job(DONE, BEGUN, state=JobState.UNDOING, attempts=2 * CRASHES - 1, error="no"),
            JobState.FAILED,
            6,
            "no; hostd crashed 6 times in this job; left to undo: clone, check"
            " (this must be looked at by hand)",
        ),
        (job(DONE, DONE, BEGUN, attempts=1), JobState.RUNNING, 2, ""),
        (
            job(DONE, DONE, BEGUN, attempts=CRASHES - 1),
            JobState.FAILED,
            3,
            "hostd crashed 3 times in this job; left to finish: start (this must be looked at by hand)",
        ),
        (job(DONE, BEGUN, state=JobState.FAILED, unsettled=True, cause="no"), JobState.UNDOING, 0, "no"),
        (job(DONE, DONE, BEGUN, state=JobState.FAILED, unsettled=True), JobState.RUNNING, 0, ""),
    ],
)
def test_how_a_job_goes_on_after_a_crash(before: Job, state: JobState, attempts: int, error: str) -> None:
    after = machine.take_up(before, CREATE, 9.0, crashed=True)
    assert (after.state, after.attempts, after.error, after.unsettled) == (state, attempts, error, False)


def test_an_orderly_stop_counts_for_nothing() -> None:
    before = job(DONE, BEGUN, attempts=CRASHES - 1)
    assert machine.take_up(before, CREATE, 9.0, crashed=False) == before


def test_asking_to_stop() -> None:
    assert machine.ask_to_stop(job(DONE, BEGUN), CREATE).cancel
    undoing = job(DONE, state=JobState.UNDOING, error="no")
    assert machine.ask_to_stop(undoing, CREATE) == undoing
    with pytest.raises(RefusedError, match="past the point") as error:
        machine.ask_to_stop(job(DONE, DONE, BEGUN), CREATE)
    assert error.value.hint == "it will be finished"
    with pytest.raises(RefusedError, match="it is done"):
        machine.ask_to_stop(job(DONE, DONE, DONE, state=JobState.DONE), CREATE)


EVENTS = ("fine", "fails before", "fails after", "crash before", "crash after", "stop", "give up", "cancel")


@given(
    undoable=st.lists(st.booleans(), min_size=1, max_size=6),
    commit=st.integers(0, 7),
    events=st.lists(st.sampled_from(EVENTS + ("fine",) * 6), min_size=12, max_size=40),
)
def test_whatever_happens_a_job_ends_complete_or_clean(
    undoable: list[bool], commit: int, events: list[str]
) -> None:
    shape = kind(
        *(
            Step(f"step{number}", nothing, nothing if undo else None, commits=number == commit)
            for number, undo in enumerate(undoable)
        )
    )
    effects = {number for number, undo in enumerate(undoable) if undo or number >= commit}
    world: set[int] = set()
    stopped = committed = False
    now = job(state=JobState.QUEUED, kind=shape)
    action: machine.Action
    for event in events + ["fine"] * (2 * len(undoable) + 1):
        if now.state is JobState.FAILED and now.unsettled:
            now = machine.take_up(now, shape, 0.0, crashed=False)
        if now.state.final:
            break
        if event == "cancel":
            try:
                now = machine.ask_to_stop(now, shape)
                stopped = True
            except RefusedError:
                assert committed
        now, action = machine.advance(now, shape, 0.0)
        if isinstance(action, Finish):
            break
        committed = committed or (isinstance(action, Do) and action.step == commit)
        if not event.endswith("before"):
            if isinstance(action, Undo):
                world.discard(action.step)
            elif action.step in effects:
                assert world == {number for number in effects if number < action.step} | (
                    world & {action.step}
                )
                world.add(action.step)
        if event in ("fine", "cancel"):
            state = DONE if isinstance(action, Do) else UNDONE
            now = machine.mark(now, action.step, state)
        elif event.startswith("fails"):
            now = machine.fail(now, shape, EdgeLinuxError("it failed"))
        elif event == "give up" and (committed or now.state is JobState.UNDOING):
            now = machine.give_up(now, shape, "busy", 0.0, again=True)
        else:
            now = machine.take_up(now, shape, 0.0, crashed=event != "stop")
    assert now.state.final
    if "by hand" in now.error:
        assert now.attempts >= CRASHES
    elif now.state is JobState.DONE:
        assert world == effects
        assert not stopped
    else:
        assert world == set()
        assert not committed
