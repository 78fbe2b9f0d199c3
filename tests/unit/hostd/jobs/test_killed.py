"""A process that runs a job is really killed, at every point there is, and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from edgelinux_hostd.jobs.faults import crash_points
from edgelinux_hostd.jobs.model import JobState

from . import killed

POINTS = crash_points([killed.KIND])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "faults").mkdir(mode=0o755)
    (tmp_path / "world").mkdir()
    return tmp_path


def run_and_be_killed(state: Path, point: str, *arguments: str) -> None:
    (state / "faults" / "kill-at").write_text(point)
    child = subprocess.run([sys.executable, killed.__file__, state, *arguments], timeout=120, check=False)
    assert child.returncode == -signal.SIGKILL
    assert not (state / "faults" / "kill-at").exists()


def world(state: Path) -> list[str]:
    return sorted(file.name for file in (state / "world").iterdir())


@pytest.mark.parametrize("point", [point for point in POINTS if not point.endswith("/undone")])
def test_a_job_whose_hostd_was_killed_is_finished_at_the_next_start(state: Path, point: str) -> None:
    run_and_be_killed(state, point, "submit")
    job = killed.run(state, submit=False)
    # The end of the last step is the end of the job.
    assert (job.state, job.attempts) == (JobState.DONE, 0 if point == POINTS[-1] else 1)
    assert world(state) == sorted(killed.FILES)
    assert {file.read_text() for file in (state / "world").iterdir()} == {job.id}


@pytest.mark.parametrize("point", [point for point in POINTS if point.endswith("/undone")])
def test_a_job_whose_hostd_was_killed_while_it_was_undone_is_undone(state: Path, point: str) -> None:
    (state / "faults" / "fail-at").write_text("create/mountpoint")
    run_and_be_killed(state, point, "submit")
    job = killed.run(state, submit=False)
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert "step mountpoint was made to fail" in job.error
    assert world(state) == []


def test_a_step_that_kills_hostd_every_time_is_undone_after_the_third(state: Path) -> None:
    run_and_be_killed(state, "create/mountpoint/begun", "submit")
    run_and_be_killed(state, "create/mountpoint/begun")
    run_and_be_killed(state, "create/mountpoint/begun")
    job = killed.run(state, submit=False)
    assert (job.state, job.error) == (JobState.FAILED, "hostd crashed 3 times in this job")
    assert world(state) == []
    assert killed.run(state, submit=True).state is JobState.DONE


def test_a_committed_step_that_kills_hostd_every_time_is_left_to_a_person(state: Path) -> None:
    run_and_be_killed(state, "create/lease/before", "submit")
    run_and_be_killed(state, "create/lease/before")
    run_and_be_killed(state, "create/lease/before")
    job = killed.run(state, submit=False)
    assert (job.state, job.unsettled) == (JobState.FAILED, False)
    assert job.error == (
        "hostd crashed 3 times in this job; left to finish: lease (this must be looked at by hand)"
    )
    assert killed.run(state, submit=True).state is JobState.DONE
