"""Serves the application on hostd's Unix socket: the one that systemd passes, else one it makes itself."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import logging
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import uvicorn
from fastapi import FastAPI

from edgelinux_hostd.api.notify import notify, passed_sockets
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["GROUP", "SOCKET", "THREADS", "Server", "configure", "listen", "serve"]

log = logging.getLogger("edgelinux.api")

SOCKET = Path("/run/edgelinux/hostd.sock")
GROUP = "antlet"

# Threads that answer calls. Those that wait for jobs or follow events have threads of their own.
THREADS = 6
# How long calls may take to end when hostd stops, in seconds; the jobs themselves are not theirs to end.
_GRACE = 3


class Server(uvicorn.Server):
    """Tells systemd where it stands, and ends the streams of events when it stops.

    It sleeps while nobody calls; uvicorn's own looks ten times a second whether it is to stop.
    """

    _stopping: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _should_exit = False

    @property
    def should_exit(self) -> bool:
        """Whether it is to stop: set by signals, from whatever thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Wait until it is to stop."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        if not self.should_exit:
            await self._stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await super().startup(sockets)
        if self.started:
            notify("READY=1")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, end the streams, and let calls end within the grace."""
        notify("STOPPING=1")
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.streams.close()
        await super().shutdown(sockets)


def serve(app: FastAPI, path: Path = SOCKET) -> None:
    """Serve until SIGTERM or SIGINT, and return then; the application's lifespan runs around it.

    Raises EdgeLinuxError when the socket cannot be made or the lifespan fails to start.
    """
    server = Server(configure(app))
    sockets = passed_sockets()
    own = not sockets
    if own:
        sockets = [listen(path)]
    try:
        with _quiet_signals():
            server.run(sockets)
    finally:
        for one in sockets:
            one.close()
        if own:
            path.unlink(missing_ok=True)
    if not server.started:
        raise EdgeLinuxError("hostd could not start", hint="the log says why")


def configure(app: FastAPI) -> uvicorn.Config:
    """Give the server's configuration: small, silent but for errors, which go through logging."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # It would be made anew each second.
        date_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


def listen(path: Path) -> socket.socket:
    """Listen at a path that root and the group antlet may open (mode 0660); raises EdgeLinuxError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _remove_stale(path)
        # Made with its final mode: it is never open to others, not even for a moment.
        before = os.umask(0o117)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        _give_to_group(path)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise EdgeLinuxError(f"cannot listen at {path}: {error.strerror or error}") from error
    except EdgeLinuxError:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise EdgeLinuxError(f"another hostd listens at {path}", hint="`systemctl status hostd`")


def _give_to_group(path: Path) -> None:
    if os.geteuid() != 0:
        return
    try:
        os.chown(path, 0, grp.getgrnam(GROUP).gr_gid)
    except KeyError:
        log.warning("there is no group %s: only root can open %s", GROUP, path)


@contextlib.contextmanager
def _quiet_signals() -> Iterator[None]:
    # uvicorn raises the signal that stopped it once more when it is done: that would end this process.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
