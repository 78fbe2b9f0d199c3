"""The base that the tests build and boot: EDGELINUX_TEST_BASE, which `make test BASE=…` sets, else auto's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["VARIABLE", "base_under_test", "build_argv"]

VARIABLE = "EDGELINUX_TEST_BASE"


def base_under_test() -> str:
    """Return the base's name, or `auto`."""
    return os.environ.get(VARIABLE) or "auto"


def build_argv(*options: str | Path) -> list[str]:
    """Return the command that builds the default image on it."""
    argv = [sys.executable, "-m", "edgelinux_build.cli", "build", "--base", base_under_test()]
    return [*argv, *map(str, options)]
