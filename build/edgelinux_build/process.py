"""Long-running programs of the stages: what they print goes to the stage's log, their end can be forced."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["NOT_SET_UP", "StageError", "kill_all", "programs", "run_logged", "tail"]

NOT_SET_UP = "`make setup` installs what a build host needs"
"""The hint when a program or file of the build host is missing."""

_TAIL = 15
_lock = threading.Lock()
_running: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()


class StageError(EdgeLinuxError):
    """A program of a stage failed; `lines` is what a person wants to see of its `log`."""

    def __init__(
        self,
        message: str,
        *,
        lines: Sequence[str] = (),
        log: Path | None = None,
        hint: str = "",
        exit_code: int = 1,
    ) -> None:
        super().__init__(message, hint=hint, exit_code=exit_code)
        self.lines = tuple(lines)
        self.log = log


def run_logged(
    argv: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    clean_env: bool = False,
    cwd: Path | None = None,
    within: Sequence[str | Path] = (),
) -> None:
    """Run a program with its output appended to `log`; raises StageError with the log's last lines.

    `env` is added to this process's environment, or is all there is when `clean_env` is set. Language and
    time zone are always the same, since they show in what programs make. `within` is a command that the
    program is put behind, and of which nothing is told.
    """
    args = [str(word) for word in argv]
    if _stopping.is_set():
        raise StageError("stopped because another stage failed")
    environment = {**({} if clean_env else os.environ), "LC_ALL": "C.UTF-8", "TZ": "UTC", **(env or {})}
    with log.open("ab") as file:
        file.write(f"+ {shlex.join(args)}\n".encode())
        file.flush()
        start = file.tell()
        try:
            process = subprocess.Popen(
                [*(str(word) for word in within), *args],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise StageError(f"cannot run {args[0]}: no such program", hint=NOT_SET_UP) from error
    with _lock:
        _running.add(process)
    try:
        code = process.wait()
    finally:
        with _lock:
            _running.discard(process)
    if code:
        lines = tail(log, start)
        last = f": {lines[-1]}" if lines else ""
        name = Path(args[2] if args[0] == "chroot" else args[0]).name
        raise StageError(f"`{name}` failed with exit code {code}{last}", lines=lines, log=log)


def kill_all() -> None:
    """End every program of every stage, and let no new one start."""
    _stopping.set()
    with _lock:
        for process in _running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def programs() -> Iterator[None]:
    """Run a build's programs within this: when kill_all() ends it, another build may start programs again."""
    try:
        yield
    finally:
        _stopping.clear()


def tail(log: Path, start: int = 0, count: int = _TAIL) -> list[str]:
    """Return the last non-empty lines of a log, from byte `start` on."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode("utf-8", "replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
