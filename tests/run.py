"""Runs the test phases in order, some beside another, stops at the first that fails, says where time went.

`python -m tests.run` runs all; `python -m tests.run lint unit` only those named.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.base import base_under_test

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Phase:
    """A named group of commands; the first that fails ends the run."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    beside: str = ""
    """A phase that it needs nothing of: it runs at the same time, on processors that are idle."""


def shell_files() -> list[str]:
    """The shell scripts among the tracked and new files, told by their first line."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    found = []
    for name in names:
        path = ROOT / name
        if path.is_file() and path.suffix not in {".py", ".j2"}:
            with path.open("rb") as file:
                first = file.readline(80)
            if first.startswith(b"#!") and first.split(b"/")[-1].split()[-1] in {b"bash", b"sh"}:
                found.append(name)
    return found


def processors() -> str:
    """Return how many processors there are for this process."""
    return str(len(os.sched_getaffinity(0)))


def phases() -> tuple[Phase, ...]:
    """All phases, in the order in which they run."""

    def tool(name: str, *args: str) -> tuple[str, ...]:
        return (str(BIN / name), *args)

    return (
        Phase(
            "lint",
            (
                tool("ruff", "check", "."),
                tool("ruff", "format", "--check", "."),
                tool("mypy"),
                ("shellcheck", "--severity=warning", *shell_files()),
                tool("dib-lint"),
            ),
        ),
        # Files whole, so that what a module's tests share is made once.
        Phase("unit", (tool("pytest", "tests/unit", "-q", "-n", processors(), "--dist", "loadfile"),)),
        Phase("build", (tool("edgelinux", "build", "--base", base_under_test()),), beside="unit"),
        Phase("tree", (tool("python", "-m", "tests.tree"),)),
        Phase("rehearsal", (tool("python", "-m", "tests.rehearsal", "centos-stream-10.lxc"),)),
        Phase("e2e", (tool("pytest", "tests/e2e", "-n", "2", "--dist", "loadgroup", "-v"),)),
    )


def environment() -> dict[str, str]:
    """The environment of all commands."""
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "ELEMENTS_DIR": "elements",  # both are dib-lint's: what it reads
        "LIB_DIR": "elements",
    }


def title(phase: Phase, command: Sequence[str]) -> str:
    """The line above what a command says."""
    return f"\n== {phase.name}: {Path(command[0]).name} {' '.join(command[1:4])}"


def run_phase(phase: Phase) -> bool:
    """Runs a phase's commands; true when all succeeded."""
    for command in phase.commands:
        print(title(phase, command), flush=True)
        if subprocess.run(command, cwd=ROOT, env=environment()).returncode != 0:
            return False
    return True


class Ahead:
    """A phase of one command that runs beside another; what it says is kept until it is its turn."""

    def __init__(self, phase: Phase) -> None:
        (self.command,) = phase.commands
        self.phase = phase
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 closed by stop()
        argv = ["nice", "-n", "10", *self.command]
        self._process = subprocess.Popen(
            argv, cwd=ROOT, env=environment(), stdout=self._said, stderr=subprocess.STDOUT
        )

    def finish(self) -> bool:
        """Wait for its end, show what it said; true when it succeeded."""
        print(title(self.phase, self.command), flush=True)
        status = self._process.wait()
        self._said.seek(0)
        print(self._said.read().decode("utf-8", "replace"), end="", flush=True)
        return status == 0

    def stop(self) -> None:
        """End it, if it runs still."""
        self._process.terminate()
        self._process.wait()
        self._said.close()


def main(names: Sequence[str]) -> int:
    """Runs the phases named, or all; returns the exit status."""
    known = phases()
    unknown = set(names) - {phase.name for phase in known}
    if unknown:
        print(f"no such phase: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in known)}")
        return 2
    spent: list[tuple[str, float]] = []
    failed = ""
    wanted = [phase for phase in known if not names or phase.name in names]
    ahead: dict[str, Ahead] = {}
    try:
        for phase in wanted:
            started = time.monotonic()
            ahead |= {other.name: Ahead(other) for other in wanted if other.beside == phase.name}
            ok = ahead[phase.name].finish() if phase.name in ahead else run_phase(phase)
            spent.append((phase.name, time.monotonic() - started))
            if not ok:
                failed = phase.name
                break
    finally:
        for running in ahead.values():
            running.stop()
    print("\nwhere the time went:")
    for name, seconds in spent:
        print(f"  {name:<8} {seconds / 60:6.1f} min")
    print(f"failed: {failed}" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
