"""Runs the test phases in order, stops at the first that fails, and says where the time went.

`python -m tests.run` runs all; `python -m tests.run lint unit` only those named.
"""

from __future__ import annotations

import os
import subprocess
import sys
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
        Phase("build", (tool("edgelinux", "build", "--base", base_under_test()),)),
        Phase("tree", (tool("python", "-m", "tests.tree"),)),
        Phase("rehearsal", (tool("python", "-m", "tests.rehearsal"),)),
        Phase("e2e", (tool("pytest", "tests/e2e", "-n", "2", "--dist", "loadgroup", "-v"),)),
    )


def run_phase(phase: Phase) -> bool:
    """Runs a phase's commands; true when all succeeded."""
    for command in phase.commands:
        print(f"\n== {phase.name}: {Path(command[0]).name} {' '.join(command[1:4])}", flush=True)
        env = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "ELEMENTS_DIR": "elements",  # both are dib-lint's: what it reads
            "LIB_DIR": "elements",
        }
        if subprocess.run(command, cwd=ROOT, env=env).returncode != 0:
            return False
    return True


def main(names: Sequence[str]) -> int:
    """Runs the phases named, or all; returns the exit status."""
    known = phases()
    unknown = set(names) - {phase.name for phase in known}
    if unknown:
        print(f"no such phase: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in known)}")
        return 2
    spent: list[tuple[str, float]] = []
    failed = ""
    for phase in known:
        if names and phase.name not in names:
            continue
        started = time.monotonic()
        ok = run_phase(phase)
        spent.append((phase.name, time.monotonic() - started))
        if not ok:
            failed = phase.name
            break
    print("\nwhere the time went:")
    for name, seconds in spent:
        print(f"  {name:<8} {seconds / 60:6.1f} min")
    print(f"failed: {failed}" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
