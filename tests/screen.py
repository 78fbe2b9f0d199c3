"""A terminal that a test looks at: a program on a pseudo-terminal, and what stands on its screen."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import pexpect
import pyte

__all__ = ["KEYS", "Screen", "Terminal"]

KEYS = {
    "tab": "\t",
    "shift tab": "\x1b[Z",
    "enter": "\r",
    "esc": "\x1b",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "page down": "\x1b[6~",
    "backspace": "\x7f",
    "ctrl c": "\x03",
}
_SECONDS = 30.0
# A key changes something on the screen, within this time; then all of it comes without a pause.
_ANSWER_SECONDS = 1.0
_QUIET_SECONDS = 0.05


class Screen:
    """What a terminal shows: bytes go in, and the picture is there to be looked at."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.picture = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.picture)

    def feed(self, data: bytes) -> None:
        self._stream.feed(data)

    @property
    def text(self) -> str:
        """The screen's lines, without blanks at their ends."""
        return "\n".join(line.rstrip() for line in self.picture.display)

    @property
    def cursor_line(self) -> str:
        """The line that the cursor is on."""
        return str(self.picture.display[self.picture.cursor.y]).rstrip()


class Terminal(Screen):
    """A program on a pseudo-terminal of that size. Ended with the `with` block."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(columns, rows)
        whole = {**os.environ, "TERM": "linux", "LC_ALL": "C.UTF-8", **(env or {})}
        self.program: Any = pexpect.spawn(
            argv[0], list(argv[1:]), env=whole, dimensions=(rows, columns), timeout=_SECONDS
        )
        self.raw = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.program.close(force=True)

    def read(self, seconds: float = _QUIET_SECONDS) -> bool:
        """Read what comes within that time; says whether anything did."""
        try:
            data = self.program.read_nonblocking(65536, seconds)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        self.raw += data
        self.feed(data)
        return True

    def settle(self) -> None:
        """Read until nothing more comes."""
        while self.read():
            pass

    def type(self, *keys: str) -> None:
        """Type names of keys, or texts, one after the other; an Esc stands by itself."""
        for key in keys:
            if not key:
                continue
            self.program.send(KEYS.get(key, key))
            self.read(_ANSWER_SECONDS)
            self.settle()

    def wait_for(self, pattern: str, seconds: float = _SECONDS) -> str:
        """Wait until a regular expression is on the screen; gives the screen."""
        end = time.monotonic() + seconds
        while True:
            self.settle()
            if re.search(pattern, self.text):
                return self.text
            assert time.monotonic() < end, f"{pattern!r} did not come; on the screen:\n{self.text}"
            time.sleep(0.05)

    def choose(self, label: str, *, most: int = 40) -> None:
        """Go with Tab to the line or button that has a label under the cursor, and press Enter."""
        self.go_to(label, most=most)
        self.type("enter")

    def go_to(self, label: str, *, most: int = 40) -> None:
        """Go with Tab until the cursor stands before a label, or in the line that begins with it."""
        self.settle()
        for _ in range(most):
            line, x = self.cursor_line, self.picture.cursor.x
            if line[x:].lstrip("<([X]) ").startswith(label) or line.strip().lstrip("<( ").startswith(label):
                return
            self.type("tab")
        raise AssertionError(f"the focus does not come to {label!r}; on the screen:\n{self.text}")

    def end(self) -> int:
        """Wait for the program's end; gives its exit code."""
        while self.read(_SECONDS):
            pass
        self.program.close()
        return int(self.program.exitstatus if self.program.exitstatus is not None else -1)
