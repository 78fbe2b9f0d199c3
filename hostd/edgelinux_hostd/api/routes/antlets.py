"""Antlets: listing, creating, changing, deleting and cloning them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import done
from edgelinux_hostd.api.objects.antlets import (
    AntletObject,
    ChangedAntlet,
    CloneInput,
    NewAntlet,
    antlet_object,
)
from edgelinux_hostd.api.objects.base import Action, AntletName, Input, Wire
from edgelinux_hostd.api.objects.vnics import nics
from edgelinux_hostd.api.work import Work
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import (
    CloneAntlet,
    CreateAntlet,
    DeleteAntlet,
    RenameAntlet,
    UpdateAntlet,
)

__all__ = ["routes"]


_LIST = TypeAdapter(list[AntletObject])


class DependencyObject(Wire):
    """What depends on an antlet: a snapshot, or a clone `of` one."""

    kind: str
    name: str
    of: str


class Rename(Input):
    """The antlet's new name."""

    new_name: AntletName


def routes(agent: Agent, work: Work) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api/antlets", tags=["antlets"])

    def describe(name: str) -> AntletObject:
        return antlet_object(agent.antlet(name), {str(pool["name"]): pool for pool in agent.recent_pools()})

    @router.get("", response_model=list[AntletObject])
    def list_antlets() -> Response:
        """List all antlets of all pools."""
        pools = {str(pool["name"]): pool for pool in agent.recent_pools()}
        found = [antlet_object(antlet, pools) for antlet in agent.antlets()]
        # Written at once: FastAPI would check each of some hundred objects a second time.
        content = _LIST.dump_json(found, by_alias=True, exclude_none=True)
        return Response(content, media_type="application/json")

    @router.post("", status_code=201, response_model=AntletObject)
    async def create_antlet(request: Request, body: NewAntlet) -> Response:
        """Create an antlet as a clone of a template; it is there, and started if asked, when this answers."""
        params = CreateAntlet(
            name=body.dname,
            template=body.template,
            version=body.version,
            number=body.antlet_num,
            pool=body.zpool_name,
            ram=body.ram,
            cpu=body.cpu,
            compression=body.compression or "inherit",
            quota=body.zfs_quota or 0,
            description=body.description or "",
            autostart=body.autostart or False,
            order=100 if body.order is None else body.order,
            nics=None if body.nics is None else nics(body.antlet_num, body.nics),
            ssh_keys=body.ssh_keys,
            start=body.start,
        )
        return await work(
            request, "create-antlet", params, lambda job: JSONResponse(describe(body.dname).wire(), 201)
        )

    @router.post("/clone", response_model=Action)
    async def clone_antlet(request: Request, body: CloneInput) -> Response:
        """Create an antlet as a clone of another one's snapshot."""
        source, target = body.src_antlet, body.dst_antlet

        def params() -> CloneAntlet:
            pool = agent.antlet(source.dname).pool
            if target.zpool_name not in (None, pool):
                raise InvalidError(
                    f"zpool-name: a clone is always in its source's pool, {pool}",
                    hint=f"not {target.zpool_name}",
                )
            return CloneAntlet(
                source=source.dname,
                snapshot=source.snapshot_name,
                name=target.dname,
                number=target.antlet_num,
                compression=target.compression,
                start=body.start,
            )

        message = f"cloned {source.dname} as {target.dname}"
        return await work(request, "clone-antlet", params, lambda job: done(message))

    @router.get("/{name}", response_model_exclude_none=True)
    def show_antlet(name: str) -> AntletObject:
        """Describe an antlet."""
        return describe(name)

    @router.put("/{name}", response_model=AntletObject)
    async def update_antlet(request: Request, name: str, body: ChangedAntlet) -> Response:
        """Change what an antlet shall be: number, RAM, CPUs, quota, disk, autostart and the like."""
        antlet = await work.read(lambda: agent.antlet(name))
        changes = _changes(antlet, body)
        if not changes:
            return JSONResponse((await work.read(lambda: describe(name))).wire())
        params = UpdateAntlet(name=name, **changes)
        return await work(request, "update-antlet", params, lambda job: JSONResponse(describe(name).wire()))

    @router.delete("/force/{name}", status_code=204)
    async def force_delete(request: Request, name: str) -> Response:
        """Delete an antlet, running or not, with its snapshots."""
        params = DeleteAntlet(name=name, force=True)
        return await work(request, "delete-antlet", params, lambda job: Response(status_code=204))

    @router.delete("/{name}", status_code=204)
    async def delete_antlet(request: Request, name: str) -> Response:
        """Delete a stopped antlet; refused, with the list, while snapshots or clones depend on it."""
        params = DeleteAntlet(name=name)
        return await work(request, "delete-antlet", params, lambda job: Response(status_code=204))

    @router.post("/{name}/rename", response_model=AntletObject)
    async def rename_antlet(request: Request, name: str, body: Rename) -> Response:
        """Give a stopped antlet another name."""
        new = body.new_name

        def answer(job: Job) -> Response:
            return JSONResponse(describe(new).wire())

        return await work(request, "rename-antlet", RenameAntlet(name=name, new_name=new), answer)

    @router.get("/{name}/dependencies")
    def dependencies(name: str) -> list[DependencyObject]:
        """List the snapshots of an antlet and the clones of them."""
        return [DependencyObject(kind=one.kind, name=one.name, of=one.of) for one in agent.dependencies(name)]

    return router


def _changes(antlet: Antlet, body: ChangedAntlet) -> dict[str, Any]:
    """Give what differs, in the words of UpdateAntlet: clients send the whole object back."""
    spec = antlet.spec
    fixed = {"dname": antlet.name, "zpool-name": antlet.pool}
    if spec:
        fixed["template"] = spec.template
    sent = body.model_dump(by_alias=True)
    for field, now in fixed.items():
        if sent[field] not in (None, now):
            hint = "POST …/rename does" if field == "dname" else f"it is {now}"
            raise InvalidError(f"{field}: cannot be changed here", hint=hint)
    wanted: dict[str, Any] = {
        "number": body.antlet_num,
        "ram": body.ram,
        "cpu": body.cpu,
        "description": body.description,
        "autostart": body.autostart,
        "order": body.order,
        "compression": body.compression,
        "quota": body.zfs_quota,
        "disk": body.disk,
        "nics": None if body.nics is None else nics(antlet.number, body.nics),
    }
    current = {
        "number": antlet.number,
        "compression": antlet.compression,
        "quota": antlet.quota,
        **({name: getattr(spec, name) for name in wanted if hasattr(spec, name)} if spec else {}),
    }
    return {
        name: value
        for name, value in wanted.items()
        if value is not None and (name not in current or value != current[name])
    }
