"""What happens to containers, told as it happens: the kernel says when to look at their cgroups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.lxc.cgroup import ROOT, Cgroup, antlet_name, cgroups, slice_path
from edgelinux_hostd.runtime.lxc.watches import CONTENT, ENTRIES, Watches

__all__ = ["Callback", "Events", "Seen", "state_after"]

log = logging.getLogger("edgelinux.lxc")

Callback = Callable[[str, State], None]

# Seconds from the first sign of a change to the look at what it has come to. What a start, an end or a burst
# of them stirs up is looked at together.
_SETTLE = 0.1
# Seconds to the look at everything when something could not be watched.
_RETRY = 60.0


@dataclass(frozen=True)
class Seen:
    """A container's cgroups at one moment.

    `guest`: the guest has processes. `frozen`: they are frozen. `running`: the guest is there, or liblxc's
    monitor, or what may be either.
    """

    guest: bool = False
    frozen: bool = False
    running: bool = False


def state_after(before: State, seen: Seen) -> State:
    """Decide the state of a container that was in `before` when it was last looked at.

    Without a guest a container is on its way: one that ran reboots or ends, and its monitor's end will tell.
    One that was stopped is not started yet, or what systemd runs as its unit ends looks for a moment like it.
    """
    if seen.guest:
        return State.PAUSED if seen.frozen else State.RUNNING
    return before if seen.running else State.STOPPED


class Events:
    """Tells a callback of all containers' states, on the loop's thread; to be used on that alone.

    An event is a hint: what counts is `LxcRuntime.states()`. What is told last is true, since what changes
    after a look leads to another one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callback, root: Path = ROOT) -> None:
        """Tell what changes from now on. Raises OSError where the kernel's limit is reached."""
        self._loop = loop
        self._callback = callback
        self._root = root
        self._slice = slice_path(root)
        self._states: dict[str, State] = {}  # of those that do not stand still
        self._due: set[str] = set()
        self._all_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._watches = Watches()
        for name in self._everyone():
            # One of which the monitor alone is there is listed as running, too.
            self._note(name, state_after(State.RUNNING, self._see(name)))
        loop.add_reader(self._watches.fileno(), self._noticed)

    def close(self) -> None:
        """Tell nothing any more."""
        self._loop.remove_reader(self._watches.fileno())
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()
        self._watches.close()

    def _noticed(self) -> None:
        for path in self._watches.changed():
            if path is None or path == self._slice:
                self._all_due = True
            elif name := self._whose(path):
                self._due.add(name)
        if self._all_due or self._due:
            self._schedule()

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(_SETTLE, self._look)

    def _look(self) -> None:
        self._timer = None
        names = self._everyone() if self._all_due else sorted(self._due)
        self._all_due, self._due = False, set()
        for name in names:
            before = self._states.get(name, State.STOPPED)
            state = state_after(before, self._see(name))
            if state is not before:
                self._note(name, state)
                self._tell(name, state)

    def _everyone(self) -> list[str]:
        """List the containers that are there, and those that were."""
        self._watch(self._root, ENTRIES)
        self._watch(self._slice, ENTRIES)
        watched = {name for path in self._watches.paths if (name := self._whose(path))}
        return sorted(watched.union(self._states, (found.name for found in cgroups(self._root))))

    def _whose(self, path: Path) -> str:
        """Name the antlet that a watched path is of, "" for the slice and what is beside it."""
        if path == self._slice or not path.is_relative_to(self._slice):
            return ""
        return antlet_name(path.relative_to(self._slice).parts[0])

    def _see(self, name: str) -> Seen:
        cgroup = Cgroup(name, self._root)
        # Watched before it is read, and the outer before the inner, so that no change is missed.
        self._watch(cgroup.unit, ENTRIES)
        self._watch(cgroup.unit / "cgroup.events", CONTENT)
        self._watch(cgroup.guest / "cgroup.events", CONTENT)
        if cgroup.populated():
            return Seen(guest=True, frozen=cgroup.frozen(), running=True)
        return Seen(running=cgroup.running())

    def _watch(self, path: Path, mask: int) -> None:
        try:
            self._watches.watch(path, mask)
        except OSError as error:
            if self._retry is None:
                log.warning("events of containers come late: cannot watch %s: %s", path, error.strerror)
                self._retry = self._loop.call_later(_RETRY, self._look_again)

    def _look_again(self) -> None:
        self._retry = None
        self._all_due = True
        self._schedule()

    def _note(self, name: str, state: State) -> None:
        if state is State.STOPPED:
            self._states.pop(name, None)
        else:
            self._states[name] = state

    def _tell(self, name: str, state: State) -> None:
        try:
            self._callback(name, state)
        except Exception:
            log.exception("cannot tell that %s is %s", name, state)
