"""Every change is a job: submit it, wait for it unless the client prefers not to, answer with what it made.

A call waits for its job, since antMan's clients expect the finished thing. `Prefer: respond-async` (RFC 7240)
has it answer 202 at once, with the job and its Location; `Prefer: wait=N` waits that many seconds. Waiting
never holds one of the worker threads that answer other calls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import to_thread
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import failure
from edgelinux_hostd.api.objects.jobs import job_object
from edgelinux_hostd.jobs.model import Job, JobState
from edgelinux_hostd.operations.params import Params

__all__ = ["LONGEST", "Work", "accepted", "preferences"]

# How long a call waits for its job, in seconds; after that it answers as if respond-async were preferred.
LONGEST = 900.0
# How often it is noticed that a waiting client has gone, or that hostd stops.
_SLICE = 2.0
# Calls that wait at once; each has a thread, further ones wait for one of these to end.
_WAITERS = 64


T = TypeVar("T")


class Work:
    """Runs changes for the handlers of one application."""

    def __init__(self, agent: Agent, longest: float = LONGEST) -> None:
        self.agent = agent
        self.longest = longest
        self._one_by_one = threading.Lock()
        self._waiters: anyio.CapacityLimiter | None = None

    async def __call__(
        self,
        request: Request,
        kind: str,
        params: Params | Callable[[], Params],
        answer: Callable[[Job], Response],
    ) -> Response:
        """Submit a job and answer it; `answer` runs in a worker thread when the job is done.

        Parameters that depend on what is there come from a function: it runs in a worker thread, and no other
        call submits anything between what it reads and its job. A failed job is answered with the status of
        its error's kind.
        """
        job = await to_thread.run_sync(self._submit, kind, params)
        prefers = preferences(request.headers.getlist("prefer"))
        if "respond-async" in prefers and "wait" not in prefers:
            return accepted(job, applied="respond-async")
        job = await self._wait(request, job, _seconds(prefers.get("wait"), self.longest))
        if not job.state.final:
            return accepted(job, applied="respond-async" if "respond-async" in prefers else "")
        if job.state is JobState.DONE:
            return await to_thread.run_sync(answer, job)
        if job.state is JobState.CANCELLED:
            return failure(request, 5, job.error or f"job {job.id} was cancelled", job.items)
        return failure(request, job.exit_code, job.error or f"job {job.id} failed", job.items)

    def _submit(self, kind: str, params: Params | Callable[[], Params]) -> Job:
        with self._one_by_one:
            return self.agent.submit(kind, params() if callable(params) else params)

    async def read(self, function: Callable[[], T]) -> T:
        """Run what blocks in a worker thread."""
        return await to_thread.run_sync(function)

    async def follow(self, request: Request, job: str, longest: float) -> Job:
        """Wait until a job is final, at most so many seconds."""
        return await self._wait(request, await self.read(lambda: self.agent.job(job)), longest)

    async def _wait(self, request: Request, job: Job, longest: float) -> Job:
        if self._waiters is None:
            self._waiters = anyio.CapacityLimiter(_WAITERS)
        until = time.monotonic() + longest
        while not job.state.final and (left := until - time.monotonic()) > 0:
            job = await to_thread.run_sync(self.agent.wait, job.id, min(left, _SLICE), limiter=self._waiters)
            if await request.is_disconnected():
                break
        return job


def accepted(job: Job, applied: str = "") -> JSONResponse:
    """Answer that a job was taken on."""
    headers = {"Location": f"/api/jobs/{job.id}"}
    if applied:
        headers["Preference-Applied"] = applied
    return JSONResponse(job_object(job).wire(), 202, headers)


def preferences(headers: list[str]) -> dict[str, str]:
    """Read Prefer headers (RFC 7240, section 2): names in lower case, each with its value."""
    found: dict[str, str] = {}
    for part in (part for header in headers for part in header.split(",")):
        name, _, value = part.split(";")[0].partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(text: str | None, longest: float) -> float:
    # What cannot be honoured is ignored, says the RFC.
    return min(float(text), longest) if text and text.isdecimal() else longest
