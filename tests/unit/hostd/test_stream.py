"""Streams through real programs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.stream import PIECE, feed, pieces


def test_all_arrives_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    file = tmp_path / "file"
    feed(["dd", f"of={file}", "status=none"], io.BytesIO(content))
    assert file.read_bytes() == content
    found = list(pieces(["cat", file]))
    assert b"".join(found) == content
    assert all(len(piece) <= PIECE for piece in found)


def test_a_reader_says_why_it_stopped_early() -> None:
    endless = io.BytesIO(bytes(4 * PIECE))
    with pytest.raises(CommandError, match="out of space") as caught:
        feed(["sh", "-c", "echo out of space >&2; exit 3"], endless)
    assert caught.value.returncode == 3


def test_a_writer_that_fails_at_the_end_is_no_success() -> None:
    found = pieces(["sh", "-c", "echo half; echo broken >&2; exit 1"])
    assert next(found) == b"half\n"
    with pytest.raises(CommandError, match="broken"):
        next(found)


def test_much_on_standard_error_does_not_block() -> None:
    with pytest.raises(CommandError):
        feed(["sh", "-c", "head -c 1000000 /dev/zero >&2; exit 1"], io.BytesIO(b""))


def test_who_stops_reading_ends_the_program() -> None:
    stream = pieces(["cat", "/dev/zero"])
    assert len(next(stream)) == PIECE
    stream.close()  # type: ignore[attr-defined]


def test_half_a_stream_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    class Torn:
        def __init__(self) -> None:
            self.left = [b"half"]

        def read(self, _size: int) -> bytes:
            if self.left:
                return self.left.pop()
            raise OSError("the network is gone")

    whole = tmp_path / "whole"
    with pytest.raises(OSError, match="network"):
        feed(["sh", "-c", 'cat >/dev/null; touch "$1"', "sh", whole], cast("BinaryIO", Torn()))
    assert not whole.exists()


def test_no_such_program() -> None:
    with pytest.raises(EdgeLinuxError, match="no such program"):
        feed(["no-such-program-at-all"], io.BytesIO(b""))
