"""What answers look like that are no objects: actions done, and errors, in the shapes antMan's clients know.

An action answers {success, message}. What fails answers the same with `errors`, a list of lines; a failed GET
answers {errors} alone, by which clients tell that a thing is absent. The header Error-Kind tells kinds of
errors apart that share a status: invalid, refused, busy, not-found, failed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from edgelinux_hostd.errors import EdgeLinuxError, RefusedError

__all__ = ["ERROR_KIND", "add_handlers", "done", "failure", "failure_of"]

log = logging.getLogger("edgelinux.api")

ERROR_KIND = "Error-Kind"

# By the exit code of the error (errors.py): status and kind.
_KINDS = {2: (400, "invalid"), 4: (404, "not-found"), 5: (400, "refused"), 6: (409, "busy")}
_STATUS_KINDS = {400: "invalid", 404: "not-found", 409: "busy"}


def done(message: str, status: int = 200, **more: Any) -> JSONResponse:
    """Answer that an action was done."""
    return JSONResponse({"success": True, "message": message, **more}, status)


def failure(request: Request, exit_code: int, message: str, items: Sequence[str] = ()) -> JSONResponse:
    """Answer an error with the status of its kind."""
    status, kind = _KINDS.get(exit_code, (500, "failed"))
    return _failure(request, status, kind, message, items)


def failure_of(request: Request, error: EdgeLinuxError) -> JSONResponse:
    """Answer an error that was raised."""
    items = error.items if isinstance(error, RefusedError) else ()
    return failure(request, error.exit_code, str(error), items)


def _failure(
    request: Request,
    status: int,
    kind: str,
    message: str,
    items: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body: dict[str, Any] = {"errors": [message, *items]}
    if request.method not in ("GET", "HEAD"):
        body = {"success": False, "message": message, "errors": list(items) or [message]}
    return JSONResponse(body, status, {**(headers or {}), ERROR_KIND: kind})


def add_handlers(app: FastAPI) -> None:
    """Have the application answer every error in these shapes."""

    @app.exception_handler(EdgeLinuxError)
    def known(request: Request, error: EdgeLinuxError) -> JSONResponse:
        return failure_of(request, error)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        lines = [_line(one) for one in error.errors()]
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return _failure(request, 400, "invalid", lines[0] + more, lines if more else ())

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        message = f"{request.url.path}: {error.detail}"
        kind = _STATUS_KINDS.get(error.status_code, "failed")
        return _failure(request, error.status_code, kind, message, headers=error.headers)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s: %r", request.method, request.url.path, error)
        return _failure(request, 500, "failed", "an error inside hostd: see `journalctl -u hostd`")


def _line(error: Mapping[str, Any]) -> str:
    where = [str(part) for part in error["loc"]]
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error.get('ctx', {}).get('error', error['msg'])}"
    if where[:1] in (["body"], ["query"], ["path"], ["header"]) and len(where) > 1:
        where = where[1:]
    message = error["msg"].removeprefix("Value error, ")
    return f"{'.'.join(where)}: {message[:1].lower()}{message[1:]}" if where else message
