"""What a machine's host has announced on its console: addresses, fingerprints, the next step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from edgelinux_hostd.announce.facts import Facts
from edgelinux_hostd.announce.text import find_announcement

from edgelinux_build.qemu.console import strip_ansi

__all__ = ["ANNOUNCE_SECONDS", "read_announcement", "wait_for_announcement"]

# Under emulation, from the log-in prompt on.
ANNOUNCE_SECONDS = 90


class _Console(Protocol):
    lines: list[tuple[float, str]]

    def follow(self, seconds: float) -> Iterator[str]:
        """Console lines as they come, an empty one now and then."""


def read_announcement(log: Path) -> Facts | None:
    """The last announcement in a console's log; None where there is none, or no log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return find_announcement(strip_ansi(line) for line in text.splitlines())


def wait_for_announcement(vm: _Console, seconds: float = ANNOUNCE_SECONDS) -> Facts | None:
    """The announcement of the host that is coming up; None when it makes none in that time.

    Raises:
        ConsoleError: the console showed a failure first.
    """

    def said() -> Iterable[str]:
        return (line for _, line in vm.lines)

    for line in vm.follow(seconds):
        if not line and (found := find_announcement(said())):
            return found
    return find_announcement(said())
