"""Sizes as people write and read them."""

from __future__ import annotations

import pytest
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.sizes import human, parse


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("512B", 512),
        ("10G", 10 * 1024**3),
        ("1.5 GiB", 3 * 1024**3 // 2),
        ("2m", 2 * 1024**2),
        ("1TB", 1024**4),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "10X", "1,5G", "10 G G", "1e9"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a size"):
        parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3 * 1024**3 // 2, "1.5 GiB"),
        (5 * 1024**6, "5120.0 PiB"),
    ],
)
def test_sizes_are_written(size: int, text: str) -> None:
    assert human(size) == text
