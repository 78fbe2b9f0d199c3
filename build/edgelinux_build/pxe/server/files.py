"""Serves the tree's files, from where a client left off, and tells the ledger who has how much."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from edgelinux_build.medium.files import SQUASHFS
from edgelinux_build.pxe.layout import MEDIUM
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.tree import HIDDEN

__all__ = ["TreeFiles"]

_SYSTEM = f"{MEDIUM}/{SQUASHFS}"
# Large enough that threads and system calls do not count, small enough to have many clients at once.
_CHUNK = 256 * 1024


class TreeFiles(StaticFiles):
    """Everything below a directory but what is hidden; links that lead out of it are not followed."""

    def __init__(self, directory: Path, ledger: Ledger) -> None:
        super().__init__(directory=directory)
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; stops reading when the client has gone."""
        transfer = _Transfer(self._ledger, scope, self.get_path(scope), send)
        watch = asyncio.create_task(transfer.watch(receive))
        try:
            await super().__call__(scope, receive, transfer.send)
        except ClientDisconnect:
            pass
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            await transfer.end()

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As StaticFiles, and not found is all that is not there for everybody."""
        if os.path.normpath(path) in HIDDEN:
            raise HTTPException(404)
        try:
            return await super().get_response(path, scope)
        except (ValueError, OSError) as error:
            # A NUL in the path, a loop of links.
            raise HTTPException(404) from error

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """As StaticFiles, in larger pieces."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        if isinstance(response, FileResponse):
            response.chunk_size = _CHUNK
        return response


class _Transfer:
    """One file on its way to one client."""

    def __init__(self, ledger: Ledger, scope: Scope, path: str, send: Send) -> None:
        self._ledger = ledger
        self._address: str = scope["client"][0] if scope["client"] else ""
        self._is_get: bool = scope["method"] == "GET"
        self._path = path
        self._send = send
        self._gone = False
        self._mac = ""
        self._at = 0
        self._total = 0

    async def watch(self, receive: Receive) -> None:
        """Notice that the client has gone, which uvicorn does not say when more is sent."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._gone = True
                return

    async def send(self, message: Message) -> None:
        """Pass a message on; raises ClientDisconnect."""
        if self._gone:
            raise ClientDisconnect
        if message["type"] == "http.response.start" and self._is_get and message["status"] in (200, 206):
            await self._begin(Headers(raw=message["headers"]))
        await self._send(message)
        if message["type"] == "http.response.body" and self._total and not self._gone:
            self._at += len(message["body"])
            if self._mac:
                self._ledger.progress(self._mac, self._percent)

    async def end(self) -> None:
        """Say how the transfer of the system ended."""
        if self._mac:
            event = (
                "has the system" if self._at >= self._total else f"stopped at {self._percent} % of the system"
            )
            await run_in_threadpool(self._ledger.system, self._address, self._percent, event)

    async def _begin(self, headers: Headers) -> None:
        # bytes START-END/TOTAL (RFC 9110, 14.4)
        span, _, total = headers.get("content-range", "").rpartition("/")
        self._total = int(total) if total.isdigit() else int(headers.get("content-length", "0"))
        start = span.removeprefix("bytes ").partition("-")[0]
        self._at = int(start) if start.isdigit() else 0
        if self._path != _SYSTEM:
            if self._at == 0:
                await run_in_threadpool(self._ledger.fetched, self._address, self._path)
            self._total = 0
            return
        event = "fetches the system" if self._at == 0 else f"goes on at {self._percent} % of the system"
        machine = await run_in_threadpool(self._ledger.system, self._address, self._percent, event)
        self._mac = machine.mac if machine is not None else ""

    @property
    def _percent(self) -> int:
        return 100 * self._at // self._total if self._total else 0
