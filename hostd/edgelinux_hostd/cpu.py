"""Levels of x86-64 processors (x86-64 psABI, table 3.1), lowest first."""

from __future__ import annotations

from typing import Literal

__all__ = ["CPU_LEVELS", "CpuLevel", "cpu_level"]

CpuLevel = Literal["x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"]

CPU_LEVELS: tuple[str, ...] = ("x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4")

# The flags of /proc/cpuinfo that each level adds (pni is SSE3, abm has LZCNT).
_LEVEL_FLAGS: dict[CpuLevel, set[str]] = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def cpu_level(cpuinfo: str) -> CpuLevel:
    """Give the x86-64 level of the CPU from the text of /proc/cpuinfo."""
    line = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "")
    flags = set(line.partition(":")[2].split())
    level: CpuLevel = "x86-64-v1"
    for name, needed in _LEVEL_FLAGS.items():
        if not needed <= flags:
            break
        level = name
    return level
