"""How far the installation is: a line for each step with number, percentage and time; and the timings."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Progress", "Tell", "Timing", "Told", "read_line"]

Tell = Callable[[str, int, str], None]


@dataclass(frozen=True)
class Timing:
    """How long a step took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Told:
    """What a line about a step says: its number and that of all, percent of the whole, seconds, words."""

    step: int
    steps: int
    percent: int
    seconds: int
    text: str

    @property
    def name(self) -> str:
        """The step's name."""
        return self.text.partition(":")[0]


_LINE = re.compile(r"edgeLinux installer\s+(\d+)/(\d+)\s+(\d+)%\s+(\d+) s  (.*)")


def read_line(line: str) -> Told | None:
    """Read a line that Progress has said; None when it is another one."""
    match = _LINE.fullmatch(line)
    if not match:
        return None
    step, steps, percent, seconds = map(int, match.groups()[:4])
    return Told(step, steps, percent, seconds, match[5])


class Progress:
    """Follows steps that have weights, and says a line when one begins and at each tenth of a long one.

    `tell` gets the same as data: the step, how many percent of the whole are done, and the line's text.
    """

    def __init__(
        self,
        weights: Sequence[int],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        tell: Tell = lambda step, percent, message: None,
    ) -> None:
        self._weights = list(weights)
        self._say = say
        self._tell = tell
        self._clock = clock
        self._started = clock()
        self._step = -1
        self._title = ""
        self._step_started = self._started
        self._tenth = 0
        self.timings: list[Timing] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the installation began."""
        return self._clock() - self._started

    def begin(self, title: str) -> None:
        """Say that the next step begins."""
        self.end()
        self._step += 1
        self._title = title
        self._step_started = self._clock()
        self._tenth = 0
        self._line(0.0, title)

    def end(self) -> None:
        """Note how long the step in progress took."""
        if self._title:
            self.timings.append(Timing(self._title, round(self._clock() - self._step_started, 2)))
            self._title = ""

    def note(self, text: str) -> None:
        """Say something that is no progress."""
        self._say(f"Note: {text}")

    def fraction(self, done: float) -> None:
        """Say how much of the step is done (0 to 1), when another tenth is."""
        tenth = min(int(done * 10), 9)
        if tenth > self._tenth:
            self._tenth = tenth
            self._line(done, f"{self._title}: {tenth * 10}%")

    def _line(self, done: float, text: str) -> None:
        before = sum(self._weights[: self._step])
        percent = int(100 * (before + done * self._weights[self._step]) / sum(self._weights))
        count = f"{self._step + 1}/{len(self._weights)}"
        self._tell(self._title, percent, text)
        self._say(f"edgeLinux installer  {count:>5}  {percent:3d}%  {self.elapsed:4.0f} s  {text}")
