"""The errors that edgeLinux's programs show to people: what happened, to what, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

__all__ = [
    "BusyError",
    "CommandError",
    "EdgeLinuxError",
    "InvalidError",
    "NotFoundError",
    "RefusedError",
]

_STDERR_LINES = 4


class EdgeLinuxError(Exception):
    """Something a person is told in one line, with what to do about it and the command's exit code."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        text = f"{self.message} ({self.hint})" if self.hint else self.message
        return " ".join(text.split())


class InvalidError(EdgeLinuxError):
    """What was asked for cannot be: a bad name, number, size, file. Exit code 2, HTTP 400."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=2)


class NotFoundError(EdgeLinuxError):
    """There is no antlet, template, snapshot, pool or job of that name. Exit code 4, HTTP 404."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=4)


class RefusedError(EdgeLinuxError):
    """It could be done but something stands against it: what depends on it, a state, a limit.

    Exit code 5, HTTP 400. `items` names what stands against it, one by one.
    """

    def __init__(self, message: str, *, hint: str = "", items: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, exit_code=5)
        self.items = tuple(items)


class BusyError(EdgeLinuxError):
    """Another job works on the same thing. Exit code 6, HTTP 409."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=6)


class CommandError(EdgeLinuxError):
    """A program that was run and failed; `stderr` is all it said, the message carries the last lines."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str = "", *, hint: str = "") -> None:
        self.argv = tuple(argv)
        self.returncode = returncode
        self.stderr = stderr
        last = [line.strip() for line in stderr.splitlines() if line.strip()][-_STDERR_LINES:]
        said = f": {'; '.join(last)}" if last else ""
        super().__init__(f"`{shlex.join(self.argv)}` failed with exit code {returncode}{said}", hint=hint)
