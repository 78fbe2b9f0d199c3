"""Installed templates: listing, making, importing and deleting them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import done
from edgelinux_hostd.api.objects.base import Action, Input
from edgelinux_hostd.api.objects.storage import NewTemplate, TemplateObject, template_object
from edgelinux_hostd.api.work import Work
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import DeleteTemplate, ImportTemplate, MakeTemplate

__all__ = ["routes"]


class TemplateNamed(Input):
    """A template's name."""

    name: str


def routes(agent: Agent, work: Work) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api/templates", tags=["templates"])

    def created(name: str) -> Response:
        return JSONResponse(template_object(agent.template(name)).wire(), 201)

    @router.get("")
    def list_templates() -> list[TemplateObject]:
        """List the installed templates of all pools."""
        return [template_object(one) for one in agent.templates()]

    @router.post("", status_code=201, response_model=TemplateObject)
    async def make_template(request: Request, body: NewTemplate) -> Response:
        """Make a template, or a new version of one, of a stopped antlet."""
        params = MakeTemplate(
            antlet=body.antlet or body.name, template=body.name, description=body.description
        )
        return await work(request, "make-template", params, lambda job: created(body.name))

    @router.delete("", response_model=Action)
    async def delete_named(request: Request, body: TemplateNamed) -> Response:
        """Delete a template; refused while clones depend on it."""
        message = f"template {body.name} deleted"
        params = DeleteTemplate(template=body.name)
        return await work(request, "delete-template", params, lambda job: done(message))

    @router.post("/import", status_code=201, response_model=TemplateObject)
    async def import_template(request: Request, body: ImportTemplate) -> Response:
        """Import a template from files on this host, named by absolute paths."""

        def answer(job: Job) -> Response:
            return created(body.template)

        return await work(request, "import-template", body, answer)

    @router.get("/{name}")
    def show_template(name: str) -> TemplateObject:
        """Describe a template."""
        return template_object(agent.template(name))

    @router.delete("/{name}", status_code=204)
    async def delete_template(request: Request, name: str) -> Response:
        """Delete a template with all its versions; refused while clones depend on it."""
        params = DeleteTemplate(template=name)
        return await work(request, "delete-template", params, lambda job: Response(status_code=204))

    @router.delete("/{name}/versions/{version}", status_code=204)
    async def delete_version(request: Request, name: str, version: str) -> Response:
        """Delete one version of a template; refused while clones depend on it."""
        params = DeleteTemplate(template=name, version=version)
        return await work(request, "delete-template", params, lambda job: Response(status_code=204))

    return router
