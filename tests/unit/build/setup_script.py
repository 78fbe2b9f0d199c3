"""build/setup_host.py as a module: it lies outside of every package, since it runs before there are any."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

__all__ = ["SCRIPT", "load_setup_host"]

SCRIPT = Path(__file__).parents[3] / "build" / "setup_host.py"


def load_setup_host() -> ModuleType:
    """Load it anew."""
    spec = importlib.util.spec_from_file_location("setup_host", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
