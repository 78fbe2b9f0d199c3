"""Loop devices, which stand for USB sticks: `losetup` and root are needed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["LoopStick", "attached", "needs_loops", "write_gpt"]

needs_loops = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists(), reason="loop devices need root"
)

MIB = 2**20


@dataclass(frozen=True)
class LoopStick:
    """A stick: the device that programs see, and the file that has its bytes."""

    device: Path
    file: Path

    def content(self, offset: int = 0, size: int = -1) -> bytes:
        """Read what is on the stick."""
        with self.file.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def put(self, offset: int, data: bytes) -> None:
        """Change what is on the stick, behind the back of the device."""
        with self.file.open("r+b") as file:
            file.seek(offset)
            file.write(data)


def write_gpt(file: Path, number: int = 1) -> None:
    """Write a GPT with one partition, from 1 MiB on, in the place of what was there."""
    table = f"label: gpt\n{number}: start=2048\n"
    subprocess.run(["sfdisk", "--quiet", file], input=table, check=True, capture_output=True, text=True)


@contextmanager
def attached(file: Path, size: int = 0, *options: str) -> Iterator[LoopStick]:
    """Attach a file, made with `size` bytes if it is not there, as a stick."""
    if not file.exists():
        with file.open("wb") as made:
            made.truncate(size)
    argv = ["losetup", "--find", "--show", *options, str(file)]
    device = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield LoopStick(Path(device), file)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
