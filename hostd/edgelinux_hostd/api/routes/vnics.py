"""An antlet's network cards, each known by its MAC."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from edgelinux_hostd.antlets.spec import Nic
from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import done
from edgelinux_hostd.api.objects.base import Action
from edgelinux_hostd.api.objects.vnics import Vnic, added, find, removed, vnics
from edgelinux_hostd.api.work import Work
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import UpdateAntlet

__all__ = ["routes"]


def routes(agent: Agent, work: Work) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api/antlets/{name}", tags=["vnics"])

    def read(name: str) -> tuple[int, Sequence[Nic]]:
        antlet = agent.antlet(name)
        if antlet.spec is None:
            raise RefusedError(f"antlet {name} is damaged: {antlet.problem}")
        return antlet.number, antlet.spec.nics

    @router.get("/vnics", response_model_exclude_none=True)
    def list_vnics(name: str) -> list[Vnic]:
        """List an antlet's network cards."""
        return list(vnics(*read(name)))

    @router.post("/vnics", status_code=201, response_model=Vnic)
    async def add_vnic(request: Request, name: str, body: Vnic) -> Response:
        """Add a network card; its MAC follows from the antlet's number unless given."""

        def params() -> UpdateAntlet:
            return UpdateAntlet(name=name, nics=added(name, *read(name), body))

        def answer(job: Job) -> Response:
            return JSONResponse(vnics(*read(name))[-1].wire(), 201)

        return await work(request, "update-antlet", params, answer)

    @router.get("/vnics/{mac}", response_model_exclude_none=True)
    def show_vnic(name: str, mac: str) -> Vnic:
        """Describe a network card."""
        number, cards = read(name)
        return vnics(number, cards)[find(name, number, cards, mac)]

    @router.delete("/vnics/{mac}", status_code=204)
    async def delete_vnic(request: Request, name: str, mac: str) -> Response:
        """Remove a network card; the others keep their MACs."""

        def params() -> UpdateAntlet:
            number, cards = read(name)
            return UpdateAntlet(name=name, nics=removed(number, cards, find(name, number, cards, mac)))

        return await work(request, "update-antlet", params, lambda job: Response(status_code=204))

    @router.put("/restore-default-nic", response_model=Action)
    async def restore_default(request: Request, name: str) -> Response:
        """Give an antlet the one card that it has by default: on the antlets' network."""
        params = UpdateAntlet(name=name, nics=(Nic(),))
        message = f"antlet {name} has its default network card"
        return await work(request, "update-antlet", params, lambda job: done(message))

    return router
