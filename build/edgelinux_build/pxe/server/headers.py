"""Headers as GRUB reads them: it knows `Content-Length` in this spelling only (grub 2.12, net/http.c).

Field names are the same in any case (RFC 9110, 5.1), and servers for ASGI write them in lower case; GRUB then
does not see how long a file is, and waits for its end in vain.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Titled"]


class Titled:
    """Passes everything on, and writes each part of an answer's header names with a capital."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""

        async def titled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.title(), value) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, titled)
