"""Small facts of a machine and its live system."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["cpu_level", "media_label", "ram_bytes"]

# The flags of /proc/cpuinfo that each level adds (x86-64 psABI, table 3.1; pni is SSE3, abm has LZCNT).
_LEVEL_FLAGS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def cpu_level(cpuinfo: str) -> str:
    """Give the x86-64 level of the CPU from the text of /proc/cpuinfo."""
    line = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "")
    flags = set(line.partition(":")[2].split())
    level = "x86-64-v1"
    for name, needed in _LEVEL_FLAGS.items():
        if not needed <= flags:
            break
        level = name
    return level


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
