"""The application: all paths over the agent, and its OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from edgelinux_hostd import __version__
from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import add_handlers
from edgelinux_hostd.api.objects.base import Failure
from edgelinux_hostd.api.objects.jobs import JobObject
from edgelinux_hostd.api.routes import antlets, host, jobs, lifecycle, snapshots, templates, vnics
from edgelinux_hostd.api.streams import LIMIT, Streams
from edgelinux_hostd.api.work import LONGEST, Work

__all__ = ["Lifespan", "create_app"]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_ERRORS = {
    "400": "Wrong input, or refused: `message` says why",
    "404": "There is no such thing",
    "409": "Another job works on the same thing",
    "500": "It failed",
}


def create_app(
    agent: Agent, *, lifespan: Lifespan | None = None, longest: float = LONGEST, streams: int = LIMIT
) -> FastAPI:
    """Make the application over an agent.

    `longest` is how many seconds a call waits for its job, `streams` how many clients may follow the events.
    """
    app = FastAPI(
        title="edgeLinux hostd",
        version=__version__,
        summary="Antlets, their snapshots, templates, pools and network, on the Unix socket of one host",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    add_handlers(app)
    work = Work(agent, longest)
    app.state.streams = Streams(agent, streams)
    for router in (
        antlets.routes(agent, work),
        lifecycle.routes(agent, work),
        vnics.routes(agent, work),
        snapshots.routes(agent, work),
        templates.routes(agent, work),
        host.routes(agent, work),
        jobs.routes(agent, work, app.state.streams),
    ):
        # Not include_router, which makes each route, with the models of its answers, a second time.
        app.router.routes.extend(router.routes)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document: without FastAPI's 422, which is never answered, with 202 for changes."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                operation["responses"].pop("422", None)
                for status, description in _ERRORS.items():
                    operation["responses"].setdefault(status, _failure(description))
                if method != "get" and not path.endswith(("/console", "/cancel", "/retry")):
                    operation["responses"].setdefault("202", _accepted())
        schemas = document["components"]["schemas"]
        schemas["Failure"] = Failure.model_json_schema(ref_template="#/components/schemas/{model}")
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema


def _accepted() -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{JobObject.__name__}"}
    return {
        "description": "The job: with `Prefer: respond-async`, or when it takes longer than 15 minutes",
        "headers": {"Location": {"description": "The job's path", "schema": {"type": "string"}}},
        "content": {"application/json": {"schema": schema}},
    }


def _failure(description: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{Failure.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
