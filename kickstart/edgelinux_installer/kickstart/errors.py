"""What is wrong with a kickstart, and where."""

from __future__ import annotations

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["KickstartError", "Refused"]


class KickstartError(EdgeLinuxError):
    """A kickstart that cannot be used; the message begins with `file:line:`. Exit code 2: bad usage."""

    def __init__(self, file: str, line: int, message: str, *, hint: str = "") -> None:
        self.file = file
        self.line = line
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {' '.join(message.split())}", hint=hint, exit_code=2)


class Refused(Exception):
    """What is refused while pykickstart reads, with the line of the text with all inclusions."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint
