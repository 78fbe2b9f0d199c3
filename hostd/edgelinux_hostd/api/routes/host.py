"""The host: its pools and disks, its network, recovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import done
from edgelinux_hostd.api.objects.base import Action, Input, Wire
from edgelinux_hostd.api.work import Work
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import CreatePool, ForgetPool, RebaseNetwork, Recover, ScrubPool

__all__ = ["routes"]


class BaseIp(Wire):
    """The first three octets of the antlets' network, with a dot."""

    base_ip: str


class Scrub(Input):
    """Whether to stop the scrub that runs."""

    stop: bool = False


class Recovered(Action):
    """What recovery found and did."""

    result: Mapping[str, Any]


def routes(agent: Agent, work: Work) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api")

    @router.get("/host", tags=["host"])
    def host() -> dict[str, Any]:
        """Describe this host."""
        return dict(agent.host())

    @router.get("/pools", tags=["pools"])
    def list_pools() -> list[dict[str, Any]]:
        """List the pools."""
        return [dict(pool) for pool in agent.pools()]

    @router.post("/pools", status_code=201, tags=["pools"])
    async def create_pool(request: Request, body: CreatePool) -> Response:
        """Create a pool on free disks."""

        def answer(job: Job) -> Response:
            return JSONResponse(dict(agent.pool(body.name)), 201)

        return await work(request, "create-pool", body, answer)

    @router.get("/pools/{name}", tags=["pools"])
    def show_pool(name: str) -> dict[str, Any]:
        """Describe a pool, with its disks, its scrub and its errors."""
        return dict(agent.pool(name))

    @router.post("/pools/{name}/scrub", response_model=Action, tags=["pools"])
    async def scrub(request: Request, name: str, body: Scrub | None = None) -> Response:
        """Start a scrub of a pool, or stop it; it runs on after this has answered."""
        stop = body.stop if body else False
        message = f"scrub of pool {name} {'stopped' if stop else 'started'}"
        params = ScrubPool(name=name, stop=stop)
        return await work(request, "scrub-pool", params, lambda job: done(message))

    @router.delete("/pools/{name}/record", status_code=204, tags=["pools"])
    async def forget(request: Request, name: str) -> Response:
        """Forget a pool that is gone for good, by its name or GUID; refused while it is imported."""
        return await work(
            request, "forget-pool", ForgetPool(name=name), lambda job: Response(status_code=204)
        )

    @router.get("/disks/free", tags=["pools"])
    def free_disks() -> list[dict[str, Any]]:
        """List the disks that nothing uses."""
        return [dict(disk) for disk in agent.free_disks()]

    @router.get("/network", tags=["network"])
    def network() -> dict[str, Any]:
        """Describe the antlets' network."""
        return dict(agent.network())

    @router.put("/network", tags=["network"])
    async def rebase(request: Request, body: RebaseNetwork) -> Response:
        """Give the antlets' network another base IP."""
        return await work(request, "rebase-network", body, lambda job: JSONResponse(dict(agent.network())))

    @router.get("/system/base-ip", tags=["network"])
    def base_ip() -> BaseIp:
        """Give the base IP: antMan's path."""
        return BaseIp(base_ip=str(agent.network()["base-ip"]))

    @router.post("/recover", response_model=Recovered, tags=["host"])
    async def recover(request: Request, body: Recover | None = None) -> Response:
        """Find pools by GUID, import them, bring back their antlets; `dry-run` only says what it would do."""

        def answer(job: Job) -> Response:
            return done(job.message or "recovered", result=dict(job.result))

        return await work(request, "recover", body or Recover(), answer)

    return router
