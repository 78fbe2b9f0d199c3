"""Watches a machine's console for what means that the boot has failed (pure)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["INSTALL_FAILED", "SIGNS", "ConsoleError", "MachineError", "Sign", "Watcher", "strip_ansi"]

KEPT_LINES = 40

# ECMA-48 control sequences, OSC strings (systemd sets titles), other strings, two-byte escapes, and all
# other control characters but tab and newline.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[PX^_].*?\x1b\\"
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f]"
)


def strip_ansi(text: str) -> str:
    """The text without colours, cursor movements and carriage returns."""
    return _ANSI.sub("", text)


def _segments(line: str) -> list[str]:
    """A line's texts, clean: a carriage return may begin a new text over an unfinished one."""
    segments = [strip_ansi(segment) for segment in line.split("\r")]
    return [segment for segment in segments if segment] or [""]


@dataclass(frozen=True)
class Sign:
    """A line on the console that means failure, and what it means."""

    name: str
    pattern: re.Pattern[str]


INSTALL_FAILED = "installation failed"

SIGNS: tuple[Sign, ...] = (
    # Before the emergency shell: GRUB's "Entering rescue mode..." would look like systemd's.
    Sign("GRUB found nothing to boot", re.compile(r"\bgrub(?: rescue)?>|Entering rescue mode\.\.\.")),
    Sign("kernel panic", re.compile(r"Kernel panic - not syncing")),
    Sign("kernel oops", re.compile(r"\bOops: |\bgeneral protection fault\b.*\[#\d")),
    # A soft lock-up only says that the build host did not run the emulated processor for a while.
    Sign("kernel bug", re.compile(r"\bBUG: (?!soft lockup)|\bkernel BUG at ")),
    Sign(
        "emergency shell",
        re.compile(
            r"You are in (?:emergency|rescue) mode|(?:Entering|Welcome to) (?:emergency|rescue) mode"
            r"|\bdracut:/#|Give root password for maintenance"
            r"|Cannot open access to console, the root account is locked"
            r"|Reached target (?:emergency|rescue)\.target"
        ),
    ),
    Sign(
        "the firmware found nothing to boot", re.compile(r"No bootable device\.|BdsDxe: No bootable option")
    ),
    Sign(INSTALL_FAILED, re.compile(r"(?i)\binstallation (?:has )?failed\b")),
)


class MachineError(EdgeLinuxError):
    """A machine did not do what it should; `lines` are the last that its console printed.

    Unlike other errors it is shown with those lines below its one line.
    """

    def __init__(self, message: str, lines: Iterable[str], *, exit_code: int = 1) -> None:
        super().__init__(message, exit_code=exit_code)
        self.lines = tuple(lines)

    def __str__(self) -> str:
        shown = "".join(f"\n  | {line}" for line in self.lines)
        return f"{super().__str__()}; the console's last lines:{shown}" if shown else super().__str__()


class ConsoleError(MachineError):
    """The console showed that the machine failed; `sign` names how."""

    def __init__(self, sign: str, lines: Iterable[str]) -> None:
        super().__init__(sign, lines, exit_code=3)
        self.sign = sign


class Watcher:
    """Takes console output piece by piece, gives it back in clean lines, raises at a sign of failure.

    `allowed` names signs that this machine is meant to show.
    """

    def __init__(self, signs: Iterable[Sign] = SIGNS, allowed: Iterable[str] = ()) -> None:
        self.allowed = set(allowed)
        self._signs = tuple(signs)
        self._partial = ""
        self._last: deque[str] = deque(maxlen=KEPT_LINES)

    @property
    def partial(self) -> str:
        """The line that has no end yet: a prompt, perhaps."""
        return _segments(self._partial)[-1]

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The console's last lines, the unfinished one included."""
        return (*self._last, self.partial) if self.partial else tuple(self._last)

    def feed(self, text: str) -> list[str]:
        """The lines that `text` completed.

        Raises:
            ConsoleError: a line, or the unfinished one, is a sign of failure. What came after it in the
                same text is kept and among the error's lines.
        """
        *complete, self._partial = (self._partial + text).split("\n")
        lines = [segment.rstrip() for line in complete for segment in _segments(line)]
        self._last.extend(lines)
        for line in (*lines, self.partial):
            for sign in self._signs:
                if sign.name not in self.allowed and sign.pattern.search(line):
                    raise ConsoleError(sign.name, self.last_lines)
        return lines
