from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_hostd.jobs.database import Database, DatabaseError
from edgelinux_hostd.jobs.model import JobState
from edgelinux_hostd.jobs.store import KEEP_DAYS, KEEP_JOBS, JobStore

from .records import JOB

DAY = 86400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "hostd.db"


def test_a_job_comes_back_as_it_was(path: Path) -> None:
    database = Database(path)
    JobStore(database).add(replace(JOB, state=JobState.QUEUED))
    JobStore(database).put(JOB)
    database.close()
    store = JobStore(Database(path))
    assert store.get(JOB.id) == JOB
    assert store.jobs() == [JOB]
    assert store.open_jobs() == [JOB]
    assert store.get("other") is None


def test_fields_that_only_a_newer_hostd_knows_are_left_out(path: Path) -> None:
    database = Database(path)
    JobStore(database).add(JOB)
    database.execute("UPDATE jobs SET record = json_set(record, '$.colour', 'red')")
    assert JobStore(database).get(JOB.id) == JOB


def test_the_log_has_the_time_in_front_and_goes_with_its_job(path: Path) -> None:
    database = Database(path)
    store = JobStore(database)
    store.add(replace(JOB, state=JobState.DONE, unsettled=False, finished=0.0))
    store.log(JOB.id, 0.0, "begun")
    store.log(JOB.id, 3661.5, "done")
    assert store.log_lines(JOB.id) == ["1970-01-01T00:00:00Z begun", "1970-01-01T01:01:01Z done"]
    store.prune(KEEP_DAYS * DAY + 1)
    assert store.log_lines(JOB.id) == []
    assert database.query("SELECT count(*) FROM job_log") == [(0,)]
    with pytest.raises(DatabaseError):
        store.log(JOB.id, 0.0, "a job that is not there")


def test_pruning_keeps_what_is_open_new_or_among_the_newest(path: Path) -> None:
    database = Database(path)
    store = JobStore(database)
    over = replace(JOB, state=JobState.DONE, unsettled=False)
    now = 1000 * DAY
    store.add(replace(JOB, id="unsettled", state=JobState.FAILED, finished=1.0))
    store.add(replace(JOB, id="running", state=JobState.RUNNING, unsettled=False, finished=0.0))
    store.add(replace(over, id="old", finished=now - (KEEP_DAYS + 1) * DAY))
    store.add(replace(over, id="first", finished=now - 2.0))
    with database.transaction() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO jobs (id, open, finished, record)"
            " SELECT 'n' || i, 0, ? - 1.0, record FROM n, jobs WHERE id = 'first'",
            (KEEP_JOBS - 1, now),
        )
    store.prune(now)
    assert store.get("old") is None
    assert all(store.get(name) for name in ("unsettled", "running", "first", "n1"))
    store.add(replace(over, id="new", finished=now))
    store.prune(now)
    assert store.get("first") is None
    assert all(store.get(name) for name in ("unsettled", "running", "new", "n1"))
    assert len(store.jobs()) == KEEP_JOBS + 2


def test_an_orderly_stop_is_noted_once(path: Path) -> None:
    store = JobStore(Database(path))
    assert not store.take_stop()
    store.note_stop()
    assert store.take_stop()
    assert not store.take_stop()
