"""Runs the `edgelinux` command within the test's process."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.cli import main

__all__ = ["edgelinux"]


def edgelinux(*arguments: str | Path) -> int:
    """Run the command; gives its exit code."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code
