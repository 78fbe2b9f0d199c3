"""Calls to hostd over its Unix socket, with the standard library alone: the command starts in a moment."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["GROUP", "SOCKET", "ApiError", "Client", "UnreachableError", "path"]

SOCKET = "/run/edgelinux/hostd.sock"
GROUP = "antlet"

_EXIT_CODES = {"invalid": 2, "not-found": 4, "refused": 5, "busy": 6}


class UnreachableError(EdgeLinuxError):
    """hostd does not answer; exit code 7."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=7)


class ApiError(EdgeLinuxError):
    """What hostd answered instead of doing it; `items` names what stands against it, one by one."""

    def __init__(self, message: str, *, exit_code: int = 1, items: tuple[str, ...] = ()) -> None:
        super().__init__(message, exit_code=exit_code)
        self.items = items


def path(*parts: str) -> str:
    """Give an API path of its parts, each of them quoted."""
    return "/".join(("/api", *(quote(part, safe="") for part in parts)))


class _Connection(http.client.HTTPConnection):
    def __init__(self, where: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._where = where

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._where)


@dataclass(frozen=True)
class Client:
    """hostd at a socket. Every call raises UnreachableError or ApiError; answers are parsed JSON."""

    socket: str = SOCKET
    timeout: float | None = None

    def get(self, where: str) -> Any:
        """Read something."""
        return self._call("GET", where)

    def send(self, method: str, where: str, body: Any = None) -> Any:
        """Do something that is no job."""
        return self._call(method, where, body)

    def job(self, method: str, where: str, body: Any = None) -> dict[str, Any]:
        """Start what is a job and return it at once; None when there was nothing to do."""
        answer = self._call(method, where, body, {"Prefer": "respond-async"})
        # Setting what is set already makes no job: the antlet is answered.
        return answer if isinstance(answer, dict) and "steps" in answer else {}

    def events(self, last: str | None = None, patience: float | None = None) -> Iterator[dict[str, Any]]:
        """Give events as they happen, from after `last`, until hostd ends the stream.

        With `patience` it ends when nothing has come for so many seconds.
        """
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        connection = _Connection(self.socket, patience)
        try:
            response = self._open(connection, "GET", "/api/events", None, headers)
            data = ""
            for raw in response:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield json.loads(data)
                    data = ""
        except TimeoutError:
            return
        except (http.client.HTTPException, ConnectionError) as error:
            raise UnreachableError(
                f"hostd ended the stream of events: {error or 'connection lost'}"
            ) from None
        finally:
            connection.close()

    def text(self, where: str) -> str:
        """Read plain text."""
        return self._exchange("GET", where).decode("utf-8", "replace")

    def _call(
        self, method: str, where: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        content = self._exchange(method, where, body, headers)
        return json.loads(content) if content else None

    def _exchange(
        self, method: str, where: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        connection = _Connection(self.socket, self.timeout)
        try:
            return self._open(connection, method, where, body, headers or {}).read()
        except (http.client.HTTPException, ConnectionError) as error:
            raise UnreachableError(
                f"hostd ended the connection: {error or type(error).__name__}",
                hint="see `journalctl -u hostd`",
            ) from None
        except TimeoutError:
            raise UnreachableError("hostd does not answer", hint="see `journalctl -u hostd`") from None
        finally:
            connection.close()

    def _open(
        self, connection: _Connection, method: str, where: str, body: Any, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        sent = {"Accept": "application/json", **headers}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.connect()
        except OSError as error:
            raise _unreachable(self.socket, error) from None
        connection.request(method, where, content, sent)
        response = connection.getresponse()
        if response.status >= 400:
            raise _error(response)
        return response


def _unreachable(where: str, error: OSError) -> UnreachableError:
    if isinstance(error, PermissionError):
        return UnreachableError(
            f"no permission to open {where}",
            hint=f"as root, or as a member of the group {GROUP}: `usermod -aG {GROUP} USER`, log in anew",
        )
    if isinstance(error, FileNotFoundError):
        return UnreachableError(
            f"hostd does not run: no socket {where}", hint="`systemctl start hostd.socket`"
        )
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"hostd does not run: nobody listens at {where}", hint="`systemctl status hostd`"
        )
    return UnreachableError(
        f"cannot reach hostd at {where}: {error.strerror or os.strerror(error.errno or 0)}"
    )


def _error(response: http.client.HTTPResponse) -> ApiError:
    code = _EXIT_CODES.get(response.headers.get("Error-Kind", ""), 1)
    try:
        body = json.loads(response.read())
        errors = [str(line) for line in body["errors"]]
        message = str(body.get("message") or errors[0])
    except (ValueError, LookupError, TypeError, AttributeError):
        return ApiError(f"hostd answered {response.status} {response.reason}", exit_code=code)
    return ApiError(message, exit_code=code, items=tuple(line for line in errors if line != message))
