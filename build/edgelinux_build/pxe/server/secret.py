"""The web server for kickstarts and reports: HTTPS with a certificate that machines know by its SHA-256."""

from __future__ import annotations

import asyncio
import re

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.model import LARGEST_REPORT, Report
from edgelinux_installer.identity import Identity
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edgelinux_build.pxe.server.desk import Desk, RefusedRequest
from edgelinux_build.pxe.server.plain import client_address, problem
from edgelinux_build.pxe.server.tokens import Refusal

__all__ = ["claimed_identity", "secret_app"]

_PATIENCE_SECONDS = 30.0
_MOST_CARDS = 64
_MAC_HEADER = re.compile(r"x-rhn-provisioning-mac-[0-9]+")


def secret_app(desk: Desk) -> Starlette:
    """Make the application: GET /ks and POST /report, both for who has a token."""

    def kickstart(request: Request) -> Response:
        if request.method == "HEAD":
            return PlainTextResponse("GET only\n", 405, headers={"Allow": "GET"})
        identity = claimed_identity(request.headers)
        text = desk.kickstart(_token(request), identity, client_address(request))
        return PlainTextResponse(text, headers={"Cache-Control": "no-store"})

    async def report(request: Request) -> Response:
        token = _token(request)
        # Before its body is looked at.
        await run_in_threadpool(desk.holder, token, Identity(), client_address(request))
        try:
            found = Report.model_validate_json(await _body(request))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            reason = f"{where}: {first['msg']}" if where else first["msg"]
            raise RefusedRequest(Refusal(400, f"not a report: {reason}")) from error
        await run_in_threadpool(desk.report, token, found)
        return Response(status_code=204)

    return Starlette(
        routes=[Route("/ks", kickstart), Route("/report", report, methods=["POST"])],
        exception_handlers={RefusedRequest: _refuse, EdgeLinuxError: problem},
    )


def claimed_identity(headers: Headers) -> Identity:
    """Say which machine a request claims to come from, by Anaconda's headers and ours."""
    cards = [value for key, value in headers.items() if _MAC_HEADER.fullmatch(key)]
    # The card's name, a blank, its address.
    macs = [words[-1] for words in map(str.split, cards[:_MOST_CARDS]) if words]
    serial, uuid = headers.get("x-system-serial-number", ""), headers.get("x-system-uuid", "")
    return Identity.of(macs, serial, uuid)


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _body(request: Request) -> bytes:
    """Read no more than a report may have; raises RefusedRequest."""
    too_large = Refusal(413, f"a report has at most {LARGEST_REPORT} bytes")
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > LARGEST_REPORT:
        raise RefusedRequest(too_large)
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > LARGEST_REPORT:
                    raise RefusedRequest(too_large)
    except (TimeoutError, ClientDisconnect) as error:
        raise RefusedRequest(Refusal(408, "the report did not arrive")) from error
    return bytes(body)


def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedRequest)  # noqa: S101  (what it is registered for)
    return PlainTextResponse(f"{error.refusal.reason}\n", error.refusal.status)
