"""What a runtime does for hostd: the protocol that both drivers follow, and the records they speak in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from edgelinux_hostd.antlets.spec import AntletSpec

__all__ = ["Launch", "Runtime", "State", "Stats"]


class State(StrEnum):
    """An antlet's state, in the words that clients wait for."""

    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    DAMAGED = "Damaged"  # its dataset is there, but cannot be used: not mounted, antlet.yaml unreadable


@dataclass(frozen=True)
class Launch:
    """All that starting an antlet takes.

    `directory` is where its dataset is mounted: rootfs/ (LXC) or disks/ (KVM) lie there. `xml` is the domain
    XML from its template, rendered, current and confined to the antlet.
    """

    spec: AntletSpec
    directory: Path
    xml: str


@dataclass(frozen=True)
class Stats:
    """What an antlet uses: CPU time in seconds since it started, the rest in bytes (counters since start).

    `processes` is 0 where it cannot be known (KVM).
    """

    cpu_seconds: float = 0.0
    memory: int = 0
    memory_limit: int = 0
    disk_read: int = 0
    disk_written: int = 0
    net_received: int = 0
    net_sent: int = 0
    processes: int = 0


class Runtime(Protocol):
    """A driver. Every method may be called again after a crash and is then a no-op where its work is done.

    All raise EdgeLinuxError. They are called from worker threads, never from the event loop.
    """

    kind: str

    def states(self) -> Mapping[str, State]:
        """Map the names of the antlets that run or are paused to their states, in constant time."""

    def start(self, launch: Launch) -> None:
        """Start an antlet; returns when its first process or its virtual CPU runs."""

    def stop(self, name: str, timeout: float) -> bool:
        """Ask an antlet to shut down and wait at most `timeout` seconds; true when it is gone."""

    def kill(self, name: str) -> None:
        """End an antlet at once and remove what the runtime keeps of it."""

    def pause(self, name: str) -> None:
        """Freeze a running antlet."""

    def resume(self, name: str) -> None:
        """Let a paused antlet go on."""

    def apply(self, launch: Launch) -> tuple[str, ...]:
        """Bring a running antlet in line with its specification; names what waits for its next start."""

    def stats(self, name: str) -> Stats:
        """Read what a running antlet uses."""

    def console(self, name: str) -> int:
        """Open the serial console of a running antlet; gives a file descriptor to read and write."""
