"""An antlet's snapshots."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import done
from edgelinux_hostd.api.objects.base import Action, Input
from edgelinux_hostd.api.objects.storage import NewSnapshot, SnapshotObject, snapshot_object
from edgelinux_hostd.api.work import Work
from edgelinux_hostd.errors import InvalidError, NotFoundError
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import DeleteSnapshot, RestoreSnapshot, TakeSnapshot

__all__ = ["routes"]


class Restore(Input):
    """Newer snapshots are destroyed only when told to."""

    destroy_newer: bool = False


def routes(agent: Agent, work: Work) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api/antlets/{name}", tags=["snapshots"])

    def find(name: str, snapshot: str) -> SnapshotObject:
        for one in agent.snapshots(name):
            if one.name == snapshot:
                return snapshot_object(one)
        raise NotFoundError(f"antlet {name} has no snapshot {snapshot}")

    async def take(request: Request, name: str, body: NewSnapshot, status: int) -> Response:
        if body.antlet_name not in (None, name):
            raise InvalidError(f"antlet-name: {body.antlet_name} is not the antlet of this path, {name}")

        def answer(job: Job) -> Response:
            # Without a name of ours it is the newest: no other job has taken one of this antlet meanwhile.
            taken = find(name, body.name) if body.name else snapshot_object(agent.snapshots(name)[-1])
            return JSONResponse(taken.wire(), status)

        return await work(request, "take-snapshot", TakeSnapshot(name=name, snapshot=body.name), answer)

    @router.post("", response_model=SnapshotObject)
    async def take_snapshot(request: Request, name: str, body: NewSnapshot) -> Response:
        """Take a snapshot: antMan's path."""
        return await take(request, name, body, 200)

    @router.get("/snapshots")
    def list_snapshots(name: str) -> list[SnapshotObject]:
        """List an antlet's snapshots, oldest first."""
        return [snapshot_object(one) for one in agent.snapshots(name)]

    @router.post("/snapshots", status_code=201, response_model=SnapshotObject)
    async def add_snapshot(request: Request, name: str, body: NewSnapshot | None = None) -> Response:
        """Take a snapshot, also of an antlet whose name is a word of antMan's paths."""
        return await take(request, name, body or NewSnapshot(), 201)

    @router.get("/snapshots/{snapshot}")
    def show_snapshot(name: str, snapshot: str) -> SnapshotObject:
        """Describe a snapshot."""
        return find(name, snapshot)

    @router.delete("/snapshots/{snapshot}", status_code=203, response_model=Action)
    async def delete_snapshot(request: Request, name: str, snapshot: str) -> Response:
        """Delete a snapshot that nothing was cloned from. Answers 203, as antMan does."""
        params = DeleteSnapshot(name=name, snapshot=snapshot)
        message = f"snapshot {snapshot} of antlet {name} deleted"
        return await work(request, "delete-snapshot", params, lambda job: done(message, 203))

    @router.post("/snapshots/restore/{snapshot}", response_model=Action)
    async def restore(request: Request, name: str, snapshot: str, body: Restore | None = None) -> Response:
        """Put a stopped antlet back to a snapshot."""
        destroy = body.destroy_newer if body else False
        params = RestoreSnapshot(name=name, snapshot=snapshot, destroy_newer=destroy)
        message = f"antlet {name} restored to {snapshot}"
        return await work(request, "restore-snapshot", params, lambda job: done(message))

    return router
