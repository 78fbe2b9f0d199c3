"""Opens URLs, and fetches large files that may take several connections."""

from __future__ import annotations

import http.client
import logging
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError
from edgelinux_hostd.report.pinned import open_url

__all__ = ["TIMEOUT_SECONDS", "Fetching", "Trouble", "open_web", "trouble"]

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15.0
_CHUNK = 1024**2
_LONGEST_PAUSE = 20.0


def open_web(
    url: str, *, cert: str = "", token: str = "", headers: Mapping[str, str] | None = None
) -> http.client.HTTPResponse:
    """Open an http(s) URL; raises what edgelinux_hostd.report.pinned.open_url does.

    Only where there is no secret to keep and no server to be sure of, the way may lead to other servers.
    """
    if cert or token:
        return open_url(url, cert=cert, token=token, headers=headers, timeout=TIMEOUT_SECONDS)
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310  (http and https only)
    return cast("http.client.HTTPResponse", urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS))  # noqa: S310


@dataclass(frozen=True)
class Trouble:
    """Why a URL was not fetched, whether that will stay so, and what to do about it."""

    reason: str
    final: bool
    hint: str = ""
    status: int = 0


def trouble(error: OSError | http.client.HTTPException | ValueError) -> Trouble:
    """Judge what open_web or reading has raised."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        # The server has spoken: only its own trouble (5xx) may pass.
        return Trouble(f"{error.code} {error.reason}", error.code < 500, status=error.code)
    cause = getattr(error, "reason", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        text = f"the server's certificate is not trusted: {cause.verify_message}"
        return Trouble(text, final=True, hint="edgelinux.cert= takes its SHA-256")
    return Trouble(str(cause or error) or type(error).__name__, isinstance(error, ValueError))


@dataclass
class Fetching:
    """How files are fetched: `patience` is for how many seconds nothing may come before one is given up.

    `check` is told a file's length in bytes, once the server has said it, and `follow` the part (0 to 1) that
    is there.
    """

    cert: str = ""
    patience: float = 120.0
    check: Callable[[int], None] = lambda length: None
    follow: Callable[[float], None] = lambda part: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def fetch(self, url: str, path: Path, *, resume: bool = False) -> None:
        """Fetch a file; a connection that breaks is made anew, and goes on where the last one ended.

        With `resume`, what is there already is taken for the file's beginning. Raises NotFoundError (404),
        EdgeLinuxError, and OSError when the file cannot be written.
        """
        if not resume:
            path.unlink(missing_ok=True)
        moved, most, pause = self.clock(), 0, 1.0
        while True:
            reason = self._try(url, path)
            if reason is None:
                return
            now, size = self.clock(), path.stat().st_size if path.exists() else 0
            if size > most:
                moved, most, pause = now, size, 1.0
            if now - moved >= self.patience:
                raise EdgeLinuxError(
                    f"cannot fetch {url}: {reason}; nothing came for {now - moved:.0f} s",
                    hint="is the server up, and the network?",
                )
            log.info("%s: %s; trying again in %.0f s", url, reason, pause)
            self.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _try(self, url: str, path: Path) -> str | None:
        """Fetch what is missing; gives the reason when it is worth trying again."""
        have = path.stat().st_size if path.exists() else 0
        try:
            answer = open_web(url, cert=self.cert, headers={"Range": f"bytes={have}-"} if have else {})
        except (OSError, http.client.HTTPException, ValueError) as error:
            found = trouble(error)
            if found.status == 404:
                raise NotFoundError(f"the server has no {url}") from None
            if found.status == 416:
                # It has another file by now.
                path.unlink(missing_ok=True)
            elif found.final:
                raise EdgeLinuxError(f"cannot fetch {url}: {found.reason}", hint=found.hint) from None
            return found.reason
        with answer:
            # A server that cannot go on in the middle sends all of it again.
            have = have if answer.status == 206 else 0
            length = have + int(answer.headers.get("Content-Length") or 0)
            if length > have:
                self.check(length)
            with path.open("ab" if have else "wb") as file:
                while True:
                    try:
                        chunk = answer.read1(_CHUNK)
                    except (OSError, http.client.HTTPException) as error:
                        return trouble(error).reason
                    if not chunk:
                        break
                    file.write(chunk)
                    have += len(chunk)
                    if length:
                        self.follow(min(have / length, 1.0))
        return None if have >= length else f"the connection broke after {have} of {length} bytes"
