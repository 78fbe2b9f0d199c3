"""The one connection to libvirt: opened when it is first needed, and again when libvirt was restarted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError, RefusedError

__all__ = ["URI", "Connection", "translate"]

URI = "qemu:///system"

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
            if connection.isAlive():
                raise translate(error, what) from error
        connection = self._connection()
        try:
            return work(connection)
        except libvirt.libvirtError as error:
            raise translate(error, what) from error

    def close(self) -> None:
        """Close the connection, if it is open."""
        with self._lock:
            self._drop()

    def _connection(self) -> Any:
        with self._lock:
            if self._open is not None and not self._open.isAlive():
                self._drop()
            if self._open is None:
                self._open = self._connect()
            return self._open

    def _connect(self) -> Any:
        import libvirt

        # Errors come as exceptions; libvirt would print each of them as well.
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        try:
            return libvirt.open(self.uri)
        except libvirt.libvirtError as error:
            raise EdgeLinuxError(
                f"cannot reach libvirt at {self.uri}: {error.get_error_message() or error}",
                hint="`systemctl status libvirtd.socket virtqemud.socket` shows whether it is there",
            ) from error

    def _drop(self) -> None:
        import contextlib

        import libvirt

        connection, self._open = self._open, None
        if connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                connection.close()
