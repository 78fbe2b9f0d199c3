"""Jobs and their logs in hostd's database."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.model import Job, JobState, StepState

__all__ = ["KEEP_DAYS", "KEEP_JOBS", "JobStore"]

KEEP_JOBS = 1000
KEEP_DAYS = 90

_STOPPED = "jobs.stopped"
_LOG = "INSERT INTO job_log (job, time, line) VALUES (?, ?, ?)"


class JobStore:
    """The jobs as they are on disk. An open job is one that is not final, or is unsettled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job) -> None:
        """Persist a new job."""
        self._database.execute(
            "INSERT INTO jobs (id, open, finished, record) VALUES (?, ?, ?, ?)",
            (job.id, _is_open(job), job.finished, _dump(job)),
        )

    def put(self, job: Job, lines: Sequence[str] = (), when: float = 0.0) -> None:
        """Persist what changed of a job, and lines for its log, in one write."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET open = ?, finished = ?, record = ? WHERE id = ?",
                (_is_open(job), job.finished, _dump(job), job.id),
            )
            connection.executemany(_LOG, [(job.id, when, line) for line in lines])

    def get(self, job: str) -> Job | None:
        """Read one job."""
        rows = self._database.query("SELECT record FROM jobs WHERE id = ?", (job,))
        return _load(rows[0][0]) if rows else None

    def jobs(self) -> Sequence[Job]:
        """Read all jobs, newest first."""
        return [_load(row[0]) for row in self._database.query("SELECT record FROM jobs ORDER BY number DESC")]

    def open_jobs(self) -> Sequence[Job]:
        """Read the open jobs, oldest first."""
        rows = self._database.query("SELECT record FROM jobs WHERE open ORDER BY number")
        return [_load(row[0]) for row in rows]

    def log(self, job: str, when: float, line: str) -> None:
        """Add a line to a job's log."""
        self._database.execute(_LOG, (job, when, line))

    def log_lines(self, job: str) -> Sequence[str]:
        """Read a job's log, each line beginning with its time (UTC)."""
        rows = self._database.query("SELECT time, line FROM job_log WHERE job = ? ORDER BY number", (job,))
        return [f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(when))} {line}" for when, line in rows]

    def prune(self, now: float) -> None:
        """Forget what is over: all but the newest thousand, and what is older than ninety days."""
        self._database.execute(
            "DELETE FROM jobs WHERE NOT open AND (finished < ? OR number NOT IN"
            " (SELECT number FROM jobs WHERE NOT open ORDER BY finished DESC, number DESC LIMIT ?))",
            (now - KEEP_DAYS * 86400, KEEP_JOBS),
        )

    def note_stop(self) -> None:
        """Note that hostd stops in order, so that the jobs that run now are not taken for crashed ones."""
        self._database.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, 'true')", (_STOPPED,))

    def take_stop(self) -> bool:
        """Tell whether hostd was stopped in order, and forget it."""
        stopped = bool(self._database.query("SELECT 1 FROM settings WHERE key = ?", (_STOPPED,)))
        if stopped:
            self._database.execute("DELETE FROM settings WHERE key = ?", (_STOPPED,))
        return stopped


def _is_open(job: Job) -> bool:
    return job.unsettled or not job.state.final


def _dump(job: Job) -> str:
    return json.dumps(asdict(job))


def _load(record: str) -> Job:
    known = {field.name for field in fields(Job)}  # a newer hostd may have had more of them
    values: dict[str, Any] = {name: value for name, value in json.loads(record).items() if name in known}
    values["state"] = JobState(values["state"])
    values["steps"] = tuple((name, StepState(state)) for name, state in values["steps"])
    values["items"] = tuple(values["items"])
    values["locks"] = tuple(values["locks"])
    return Job(**values)
