"""Consoles over Unix sockets: each socket is good for one connection, and relays to one file descriptor."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import select
import shutil
import socket
import threading
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["DIRECTORY", "GROUP", "ConsoleServer", "relay"]

log = logging.getLogger("edgelinux.console")

DIRECTORY = Path("/run/edgelinux/console")
GROUP = "antlet"

# Seconds until a socket that nobody connects to is closed.
_UNUSED = 60.0
_CHUNK = 16384
# How sockets say that the other side is gone; a pseudo-terminal says EIO.
_ENDED = (errno.EIO, errno.EPIPE, errno.ECONNRESET)


class ConsoleServer:
    """Opens sockets for consoles. `group` may connect, and root; None leaves it at whoever hostd runs as."""

    def __init__(
        self, directory: Path = DIRECTORY, group: str | None = GROUP, unused: float = _UNUSED
    ) -> None:
        self.directory = directory
        self.group = group
        self.unused = unused

    def open(self, console: int) -> Path:
        """Give the path of a new socket that relays to a console's file descriptor, and closes it at the end.

        The socket is gone once somebody has connected, or after a minute. Raises EdgeLinuxError.
        """
        path = self.directory / f"{secrets.token_hex(8)}.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._admit(self.directory, 0o750)
            listener.bind(str(path))
            try:
                self._admit(path, 0o660)
            except BaseException:
                path.unlink()
                raise
            listener.listen(1)
        except (OSError, LookupError) as error:
            listener.close()
            os.close(console)
            raise EdgeLinuxError(f"cannot open a console in {self.directory}: {error}") from error
        threading.Thread(
            target=self._serve, args=(listener, path, console), name="console", daemon=True
        ).start()
        return path

    def _admit(self, path: Path, mode: int) -> None:
        if self.group is not None:
            shutil.chown(path, group=self.group)
        path.chmod(mode)

    def _serve(self, listener: socket.socket, path: Path, console: int) -> None:
        try:
            with listener:
                listener.settimeout(self.unused)
                try:
                    client, _ = listener.accept()
                finally:
                    path.unlink(missing_ok=True)
            with client:
                relay(client.fileno(), console)
        except TimeoutError:
            log.debug("nobody came to the console at %s", path)
        except OSError as error:
            log.warning("a console ended: %s", error)
        finally:
            os.close(console)


def relay(one: int, other: int) -> None:
    """Carry bytes between two descriptors, both ways, until one of them ends. Raises OSError."""
    peer = {one: other, other: one}
    # What was read from a side and is still to be written to its peer. Only when that is nothing more is
    # read, so that a slow side slows the other down.
    held = {one: b"", other: b""}
    for side in held:
        os.set_blocking(side, False)
    while True:
        waits = select.poll()
        for side in held:
            waits.register(
                side, (0 if held[side] else select.POLLIN) | (select.POLLOUT if held[peer[side]] else 0)
            )
        for side, happened in waits.poll():
            try:
                if happened & select.POLLOUT:
                    held[peer[side]] = held[peer[side]][os.write(side, held[peer[side]]) :]
                elif happened and held[side]:
                    os.write(peer[side], held[side])  # it hung up: its last words, if they are taken at once
                    return
                elif happened:
                    held[side] = os.read(side, _CHUNK)
                    if not held[side]:
                        return
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno in _ENDED:
                    return
                raise
