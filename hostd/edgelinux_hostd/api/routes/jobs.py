"""Jobs, and the events of the host as they happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from pydantic import ValidationError
from starlette.responses import StreamingResponse

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.objects.base import Input
from edgelinux_hostd.api.objects.jobs import JobObject, job_object
from edgelinux_hostd.api.streams import Streams
from edgelinux_hostd.api.work import Work, accepted
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.operations import params as kinds
from edgelinux_hostd.operations.params import Params

__all__ = ["KINDS", "routes"]

KINDS: Mapping[str, type[Params]] = {
    "create-antlet": kinds.CreateAntlet,
    "start-antlet": kinds.AntletAction,
    "stop-antlet": kinds.StopAntlet,
    "kill-antlet": kinds.AntletAction,
    "pause-antlet": kinds.AntletAction,
    "resume-antlet": kinds.AntletAction,
    "reboot-antlet": kinds.StopAntlet,
    "update-antlet": kinds.UpdateAntlet,
    "rename-antlet": kinds.RenameAntlet,
    "take-snapshot": kinds.TakeSnapshot,
    "delete-snapshot": kinds.DeleteSnapshot,
    "restore-snapshot": kinds.RestoreSnapshot,
    "clone-antlet": kinds.CloneAntlet,
    "delete-antlet": kinds.DeleteAntlet,
    "make-template": kinds.MakeTemplate,
    "import-template": kinds.ImportTemplate,
    "delete-template": kinds.DeleteTemplate,
    "rebase-network": kinds.RebaseNetwork,
    "create-pool": kinds.CreatePool,
    "scrub-pool": kinds.ScrubPool,
    "forget-pool": kinds.ForgetPool,
    "recover": kinds.Recover,
}


class NewJob(Input):
    """A job by its kind, with the parameters of that kind."""

    kind: str
    params: dict[str, Any]


def routes(agent: Agent, work: Work, streams: Streams) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api", tags=["jobs"])

    @router.get("/jobs")
    def list_jobs(active: bool = False) -> list[JobObject]:
        """List jobs, newest first; `active`: only those that are not final."""
        return [job_object(job) for job in agent.jobs(active=active)]

    @router.post("/jobs", status_code=202, response_model=JobObject)
    def submit(body: NewJob) -> Response:
        """Submit a job by its kind; answers at once."""
        if body.kind not in KINDS:
            raise InvalidError(f"kind: there is no kind of job {body.kind!r}", hint=", ".join(KINDS))
        try:
            params = KINDS[body.kind].model_validate(body.params)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None
        return accepted(agent.submit(body.kind, params))

    @router.get("/jobs/{job}")
    async def show_job(request: Request, job: str, wait: float = 0) -> JobObject:
        """Describe a job; `wait`: when it is final, or after so many seconds (at most 60)."""
        return job_object(await work.follow(request, job, max(0.0, min(wait, 60.0))))

    @router.get("/jobs/{job}/log", response_class=PlainTextResponse)
    def log(job: str) -> str:
        """Give a job's log, one line for each entry."""
        return "".join(f"{line}\n" for line in agent.job_log(job))

    @router.post("/jobs/{job}/cancel")
    def cancel(job: str) -> JobObject:
        """Ask a job to stop and to undo what it did; refused when it is past that."""
        return job_object(agent.cancel(job))

    @router.post("/jobs/{job}/retry")
    def retry(job: str) -> JobObject:
        """Go on with a job that failed with something left to finish or to undo; refused for any other."""
        return job_object(agent.retry(job))

    @router.get("/events", tags=["events"], response_class=StreamingResponse)
    async def events(last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Give events as they happen, as server-sent events; `Last-Event-ID` has missed ones repeated."""
        if last_event_id is not None and not last_event_id.isdecimal():
            raise InvalidError(f"Last-Event-ID: {last_event_id!r} is not a number")
        return streams.open(int(last_event_id) if last_event_id else None)

    return router
