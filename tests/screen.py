"""A terminal that a test looks at: a program on a pseudo-terminal, and what stands on its screen."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pexpect
import pyte

__all__ = ["KEYS", "Keyed", "Screen", "Terminal"]

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
    "ctrl l": "\x0c",
}
_SECONDS = 120.0
_PAGE_SECONDS = 0.4


class Screen:
    """What a terminal shows: bytes go in, and the picture is there to be looked at."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.picture = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.picture)
        self.raw = b""

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


class Keyed(Screen):
    """A screen with keys; it is another class that knows how bytes get there, and from there.

    `answer` is how many seconds a key may take to change something, `quiet` how long a pause ends a change.
    """

    answer = 10.0
    quiet = 0.05

    def send(self, text: str) -> None:
        raise NotImplementedError

    def receive(self, seconds: float) -> bytes:
        """Wait so long for bytes; none means that none came."""
        raise NotImplementedError

    def read(self, seconds: float) -> bool:
        """Read what comes within that time; says whether anything did."""
        data = self.receive(seconds)
        self.raw += data
        self.feed(data)
        return bool(data)

    def busy(self) -> bool:
        """Say whether the program is at work, if that can be seen from outside."""
        return False

    def settle(self, quiet: float = 0.0) -> None:
        """Read until nothing more comes for so many seconds, or for `self.quiet` if that is more."""
        while self.read(max(quiet, self.quiet)) or self.busy():
            pass

    def type(self, *keys: str) -> None:
        """Type names of keys, or texts, one after the other."""
        for key in keys:
            if key:
                self.press(KEYS.get(key, key))
                self.settle()

    def press(self, text: str) -> None:
        """Send it, and wait for what it changes first."""
        self.send(text)
        self.read(self.answer)

    def wait_for(self, pattern: str, seconds: float = _SECONDS) -> str:
        """Wait until a regular expression is on the screen; gives the screen."""
        end = time.monotonic() + seconds
        while True:
            self.settle()
            if re.search(pattern, self.text):
                # A whole page comes in pieces, the cursor last: on a busy machine with pauses between them.
                self.settle(_PAGE_SECONDS)
                return self.text
            assert time.monotonic() < end, f"{pattern!r} did not come; on the screen:\n{self.text}"
            time.sleep(0.05)

    def choose(self, label: str) -> None:
        """Go to what has that label, and press Enter."""
        self.go_to(label)
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


class Terminal(Keyed):
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

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the program, whatever it does. pexpect itself gives up after a tenth of a second."""
        if self.program.isalive():
            self.program.kill(signal.SIGKILL)
            self.program.wait()
        self.program.close()

    def send(self, text: str) -> None:
        self.program.send(text)

    def receive(self, seconds: float) -> bytes:
        try:
            return bytes(self.program.read_nonblocking(65536, seconds))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return b""

    def busy(self) -> bool:
        # However long a program that could go on has to wait for a processor, it does not sleep.
        return self._status()["State"][:1] in ("R", "D")

    def press(self, text: str) -> None:
        """Many keys change nothing: then the program has woken up for it, and sleeps again."""
        before, end = self._wakes(), time.monotonic() + self.answer
        self.send(text)
        while not self.read(self.quiet) and time.monotonic() < end:
            if not self.busy() and self._wakes() > before:
                return

    def _wakes(self) -> int:
        return int(self._status().get("voluntary_ctxt_switches", 0))

    def _status(self) -> dict[str, str]:
        """Return /proc/PID/status (proc(5)) of the program's first thread."""
        try:
            text = Path(f"/proc/{self.program.pid}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return {"State": "X (dead)"}
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    def end(self) -> int:
        """Wait for the program's end; gives its exit code."""
        while self.read(_SECONDS):
            pass
        self.program.close()
        return int(self.program.exitstatus if self.program.exitstatus is not None else -1)
