"""Small facts of a machine and its live system."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["media_label", "ram_bytes"]


def media_label(medium: Path) -> str:
    """Give the label of the medium from its media.json; "" when it has none (network boot)."""
    try:
        return str(json.loads((medium / "edgelinux/media.json").read_text(encoding="utf-8"))["label"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def ram_bytes() -> int:
    """Give the size of the memory, from /proc/meminfo."""
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0
