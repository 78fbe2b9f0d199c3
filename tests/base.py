"""The base that the tests build and boot: what `make test BASE=…` names (EDGELINUX_TEST_BASE), or Debian."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["STAND_IN", "VARIABLE", "base_under_test", "build_argv"]

VARIABLE = "EDGELINUX_TEST_BASE"

STAND_IN = "debian-13"
"""The base that can be built and booted everywhere."""


def base_under_test() -> str:
    """Return the base's name. Not auto's: what is tested is no matter of which mirror answers today."""
    named = os.environ.get(VARIABLE, "")
    return STAND_IN if named in ("", "auto") else named


def build_argv(*options: str | Path) -> list[str]:
    """Return the command that builds the default image on it."""
    argv = [sys.executable, "-m", "edgelinux_build.cli", "build", "--base", base_under_test()]
    return [*argv, *map(str, options)]
