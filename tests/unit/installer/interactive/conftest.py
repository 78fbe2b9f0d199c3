"""The text installer on a pseudo-terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screen import Terminal
from tests.unit.installer.interactive.pages import Forms

ROOT = Path(__file__).resolve().parents[4]
CHILD = "tests.unit.installer.interactive.child"


@pytest.fixture
def forms(tmp_path: Path) -> Iterator[Forms]:
    """Starts the installer on a terminal, 80 by 24 if nothing else is said; ends all of them."""
    open_ones: list[Terminal] = []

    def start(
        goes: str = "well", *more: str, columns: int = 80, rows: int = 24, term: str = "linux"
    ) -> Terminal:
        argv = [sys.executable, "-m", CHILD, str(tmp_path), goes, *more]
        path = os.pathsep.join(str(ROOT / name) for name in ("build", "kickstart", "hostd", "."))
        env = {"TERM": term, "PYTHONPATH": path}
        terminal = Terminal(argv, columns=columns, rows=rows, env=env)
        open_ones.append(terminal)
        return terminal

    yield start
    for terminal in open_ones:
        terminal.close()
