"""Remembers running machines, so that another command can list, reach and stop them."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Record", "find", "forget", "records", "remember", "stop"]


@dataclass(frozen=True)
class Record:
    """A machine that was started. Process id and start time together name its process for certain."""

    name: str
    pid: int
    started: float
    directory: str
    ssh_port: int
    console_socket: str
    console_log: str
    firmware: str

    def process(self) -> psutil.Process | None:
        """The machine's QEMU, or None when it has ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def _directory() -> Path:
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "edgelinux" / "machines"


def remember(record: Record) -> None:
    """Writes a record, replacing an older one of the same name."""
    path = _directory() / f"{record.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(record), indent=1))
    temporary.replace(path)


def forget(name: str) -> None:
    """Removes a record."""
    (_directory() / f"{name}.json").unlink(missing_ok=True)


def records() -> list[Record]:
    """All machines that still run; records of others are removed on the way."""
    found = []
    for path in sorted(_directory().glob("*.json")):
        try:
            record = Record(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue
        if record.process() is None:
            path.unlink(missing_ok=True)
        else:
            found.append(record)
    return found


def find(name: str) -> Record:
    """The running machine of that name.

    Raises:
        EdgeLinuxError: there is none.
    """
    running = records()
    for record in running:
        if record.name == name:
            return record
    names = ", ".join(record.name for record in running) or "none"
    raise EdgeLinuxError(f"no machine {name!r} is running", hint=f"running: {names}")


def stop(record: Record, seconds: float = 10) -> None:
    """Ends a machine's QEMU (SIGTERM closes its disks properly; SIGKILL when that takes too long)."""
    process = record.process()
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            try:
                process.wait(seconds)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(seconds)
    forget(record.name)


def started_at(pid: int) -> float:
    """A process's start time as `Record` wants it; now when it has ended already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return time.time()
