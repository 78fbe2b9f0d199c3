"""Names of headers as GRUB reads them: it knows `Content-Length:` and not `content-length:`.

Names do not depend on case (RFC 9110, 5.1), but GRUB's grub-core/net/http.c compares them byte by byte.
Without a length that it finds, it waits for the end of a connection that stays open, until it gives up.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["TitledHeaders"]


class TitledHeaders:
    """Writes the names of an application's response headers with capitals."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""

        async def titled(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = ((name.title(), value) for name, value in message.get("headers", ()))
                message = {**message, "headers": list(names)}
            await send(message)

        await self.app(scope, receive, titled)
