"""Sizes as people write and read them: "10G" in, "1.5 GiB" out. Powers of 1024 throughout."""

from __future__ import annotations

import re

from edgelinux_hostd.errors import InvalidError

__all__ = ["human", "parse"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGTP])(?:i?B)?|B)?", re.IGNORECASE)


def human(size: float) -> str:
    """Write a number of bytes with the largest unit that fits: "512 B", "1.5 GiB"."""
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def parse(text: str) -> int:
    """Read a size ("10G", "1.5 GiB", "4096") as a number of bytes; raises InvalidError."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise InvalidError(f"{text!r} is not a size", hint="a number with K, M, G or T, like 10G")
    return int(float(match[1]) * 1024 ** (" KMGTP".index(match[2].upper()) if match[2] else 0))
