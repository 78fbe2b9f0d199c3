"""How long writing a stick takes, against dd on the same device."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.guest import build_iso
from tests.bench.report import Figure, Report

__all__ = ["measure_stick", "measure_usb"]

# The best of some runs that take turns: whatever else the machine does makes them only slower.
_RUNS = 5


def measure_usb(report: Report, scratch: Path) -> None:
    """Builds the default ISO, which may be cached, and writes it onto a loop device."""
    measure_stick(report, scratch, build_iso(scratch / "default"))


def measure_stick(report: Report, scratch: Path, iso: Path) -> None:
    """Writes an ISO onto a loop device over a file in `scratch`: with dd, and with `edgelinux usb write`."""
    best: dict[str, float] = {}
    with _loop(scratch / "usb-stick.img", iso.stat().st_size + 2**26) as device:
        for _ in range(_RUNS):
            seconds = {"dd": _dd(iso, device), **_usb_write(iso, device)}
            best = {name: min(value, best.get(name, value)) for name, value in seconds.items()}
    write, verify = best["write"], best["verify"]
    report.add(
        Figure("usb write", write, "s", 1.1, best["dd"]),
        Figure("usb write, read back", write + verify, "s", None, best["dd"]),
        Figure("usb write, whole command", best["command"], "s", None, best["dd"]),
    )


def _dd(iso: Path, device: Path) -> float:
    started = time.monotonic()
    argv = ["dd", f"if={iso}", f"of={device}", "bs=4M", "conv=fsync", "status=none"]
    subprocess.run(argv, check=True)
    return time.monotonic() - started


def _usb_write(iso: Path, device: Path) -> dict[str, float]:
    argv = [sys.executable, "-m", "edgelinux_build.cli", "usb", "write", str(iso), str(device)]
    argv += ["--yes", "--internal", "--format", "json"]
    started = time.monotonic()
    said = subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    command = time.monotonic() - started
    seconds: dict[str, float] = json.loads(said)["seconds"]
    return {**seconds, "command": command}


@contextmanager
def _loop(file: Path, size: int) -> Iterator[Path]:
    # Its blocks are there before the first run, as those of a stick are.
    subprocess.run(["fallocate", "--length", str(size), str(file)], check=True)
    argv = ["losetup", "--find", "--show", str(file)]
    device = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield Path(device)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
        file.unlink()
