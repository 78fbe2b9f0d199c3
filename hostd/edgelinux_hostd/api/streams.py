"""Server-sent events (the HTML standard, section 9.2) out of the agent's blocking iterator.

Each stream has a thread of its own, outside the worker threads that answer calls; their number is bounded.
The thread ends when its client has gone: at the next event or at the next silence, which the agent reports.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import ERROR_KIND

__all__ = ["LIMIT", "QUEUED", "Stream", "Streams", "encode"]

log = logging.getLogger("edgelinux.api")

LIMIT = 32

# A client that reads more slowly than this is cut off; it comes back with Last-Event-ID.
QUEUED = 1000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """The streams of one application."""

    def __init__(self, agent: Agent, limit: int = LIMIT) -> None:
        self._agent = agent
        self._free = threading.BoundedSemaphore(limit)
        self._open: set[Stream] = set()

    def open(self, last: int | None) -> Response:
        """Answer with a stream of what happens after event `last`, or 503 when there are too many."""
        if not self._free.acquire(blocking=False):
            message = "too many clients follow the events"
            headers = {"Retry-After": "15", ERROR_KIND: "busy"}
            return JSONResponse({"errors": [message]}, 503, headers)
        stream = Stream(asyncio.get_running_loop())
        self._open.add(stream)
        threading.Thread(target=self._read, args=(stream, last), name="events", daemon=True).start()
        return StreamingResponse(self._send(stream), media_type="text/event-stream", headers=_HEADERS)

    def close(self) -> None:
        """End all streams; to be called in the event loop, when hostd stops."""
        for stream in self._open:
            stream.end()

    async def _send(self, stream: Stream) -> AsyncIterator[str]:
        try:
            # Clients see that they are connected; and come back soon after a restart.
            yield "retry: 2000\n\n"
            while (event := await stream.queue.get()) is not None:
                yield encode(event)
        finally:
            stream.gone.set()
            self._open.discard(stream)

    def _read(self, stream: Stream, last: int | None) -> None:
        try:
            for event in self._agent.events(last):
                if stream.gone.is_set():
                    return
                stream.call(stream.put, event)
        except Exception:
            log.exception("a stream of events ended")
        finally:
            stream.call(stream.end)
            self._free.release()


class Stream:
    """One stream, filled by its thread and emptied in the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self.gone = threading.Event()

    def call(self, function: Callable[..., None], *args: Any) -> None:
        """Have the event loop call a function."""
        # The loop is closed when hostd has stopped meanwhile.
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            self.gone.set()

    def put(self, event: Mapping[str, Any]) -> None:
        """Queue an event, or end the stream when its client is too slow."""
        if self.gone.is_set():
            return
        if self.queue.qsize() < QUEUED:
            self.queue.put_nowait(event)
        else:
            self.end()

    def end(self) -> None:
        """End the stream once what is queued has been sent."""
        self.gone.set()
        self.queue.put_nowait(None)


def encode(event: Mapping[str, Any]) -> str:
    """Write an event, or a comment that keeps the connection alive for an empty one."""
    if not event:
        return ": nothing happened\n\n"
    return f"id: {event['id']}\nevent: {event['type']}\ndata: {json.dumps(dict(event))}\n\n"
