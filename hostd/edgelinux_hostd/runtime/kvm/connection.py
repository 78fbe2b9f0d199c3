"""The one connection to libvirt: opened when it is first needed, and again when libvirt was restarted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.runtime.kvm import eventloop
from edgelinux_hostd.runtime.kvm.events import Callback, Events

__all__ = ["URI", "Connection", "translate"]

log = logging.getLogger("edgelinux.kvm")

URI = "qemu:///system"

# Seconds until libvirt is looked for again, doubled each time.
_RETRY = 1.0
_RETRY_MOST = 30.0

T = TypeVar("T")


def translate(error: Any, what: str) -> EdgeLinuxError:
    """Say a libvirtError in one line; `what` is what could not be done."""
    import libvirt

    text = f"{what}: {error.get_error_message() or error}"
    code = error.get_error_code()
    if code == libvirt.VIR_ERR_NO_DOMAIN:
        return NotFoundError(text)
    if code in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_OPERATION_UNSUPPORTED):
        return RefusedError(text)
    return EdgeLinuxError(text)


class Connection:
    """A connection to libvirt, shared by all threads."""

    def __init__(self, uri: str = URI) -> None:
        self.uri = uri
        self._lock = threading.Lock()
        self._open: Any = None
        self._events: Events | None = None
        self._closing = False

    def call(self, what: str, work: Callable[[Any], T]) -> T:
        """Give `work` the open connection (a virConnect) and return what it returns.

        When libvirt goes away meanwhile, `work` runs once more on a new connection, so it must be repeatable.
        `what` is the error's first words, "cannot start web1". Raises EdgeLinuxError.
        """
        import libvirt

        connection = self._connection()
        try:
            return work(connection)
        except libvirt.libvirtError as error:
            if _alive(connection):
                raise translate(error, what) from error
        connection = self._connection()
        try:
            return work(connection)
        except libvirt.libvirtError as error:
            raise translate(error, what) from error

    def register_events(self, loop: asyncio.AbstractEventLoop, callback: Callback) -> None:
        """Call `callback(name, state)` on the loop's thread whenever a domain's state changes.

        Beginning with all that run. Goes on after a restart of libvirt, with what happened meanwhile, and
        waits for a libvirt that is not there yet. Returns at once.
        """
        eventloop.install(loop)
        with self._lock:
            self._drop()  # it was opened without a loop and would give no events
            self._events = Events(loop, callback)
        loop.call_soon_threadsafe(self._listen_later, loop, 0.0)

    def _listen_later(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        loop.call_later(delay, loop.run_in_executor, None, self._listen, loop, delay)

    def _listen(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        if self._closing:
            return
        try:
            self._connection()
        except EdgeLinuxError as error:
            log.warning("no events of machines: %s", error)
            again = min(max(2 * delay, _RETRY), _RETRY_MOST)
            with contextlib.suppress(RuntimeError):  # the loop was closed: hostd ends
                loop.call_soon_threadsafe(self._listen_later, loop, again)

    def close(self) -> None:
        """Close the connection for good."""
        with self._lock:
            self._closing = True
            self._drop()

    def _connection(self) -> Any:
        with self._lock:
            if self._open is not None and not _alive(self._open):
                self._drop()
            if self._open is None:
                self._open = self._connect()
            return self._open

    def _connect(self) -> Any:
        import libvirt

        # Errors come as exceptions; libvirt would print each of them as well.
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        try:
            connection = libvirt.open(self.uri)
            if self._events is not None:
                loop = self._events.loop
                self._events.attach(connection, lambda: self._listen_later(loop, _RETRY))
        except libvirt.libvirtError as error:
            raise EdgeLinuxError(
                f"cannot reach libvirt at {self.uri}: {error.get_error_message() or error}",
                hint="`systemctl status libvirtd.socket virtqemud.socket` shows whether it is there",
            ) from error
        return connection

    def _drop(self) -> None:
        import libvirt

        connection, self._open = self._open, None
        if connection is None:
            return
        with contextlib.suppress(libvirt.libvirtError):
            if self._events is not None:
                connection.unregisterCloseCallback()
            connection.close()


def _alive(connection: Any) -> bool:
    import libvirt

    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:
        # Another thread has closed it meanwhile: there is nothing left to ask.
        return False
