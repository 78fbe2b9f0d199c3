"""Listens to the events of containers below a directory while a test changes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.lxc.events import Events

__all__ = ["Told", "listen"]


@dataclass
class Told:
    """What was told so far."""

    events: list[tuple[str, State]] = field(default_factory=list)

    async def expect(self, *wanted: tuple[str, State]) -> None:
        """Wait until as much was told, which must be this, and begin anew."""
        while len(self.events) < len(wanted):
            await asyncio.sleep(0.005)
        assert self.events == list(wanted)
        self.events.clear()


def listen(root: Path, steps: Callable[[Told], Awaitable[None]]) -> None:
    """Run steps while events are told."""

    async def run() -> None:
        told = Told()
        events = Events(
            asyncio.get_running_loop(), lambda name, state: told.events.append((name, state)), root
        )
        try:
            await steps(told)
        finally:
            events.close()
        assert told.events == []

    asyncio.run(asyncio.wait_for(run(), 60))
