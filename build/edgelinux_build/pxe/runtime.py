"""What a running `edgelinux pxe serve` needs of the machine: a directory for dnsmasq, and signals."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from edgelinux_build.pxe import layout
from edgelinux_build.pxe.options import Options
from edgelinux_build.rights import make_directory

__all__ = ["lay_out", "runtime_directory", "signals_as_event"]


@contextmanager
def runtime_directory(options: Options, uid: int) -> Iterator[Path]:
    """Give a new directory that dnsmasq may read; its leases are kept in the state's directory."""
    folder, kept = options.runtime_directory, options.state / "leases"
    for left in options.runtime.glob("*-*"):  # by one that was killed
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    make_directory(options.state)
    options.runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.mkdir(mode=0o755)
    leases = folder / "leases"
    leases.write_bytes(kept.read_bytes() if kept.is_file() else b"")
    os.chown(leases, uid, -1)
    try:
        yield folder
    finally:
        shutil.copyfile(leases, kept)
        shutil.rmtree(folder, ignore_errors=True)


def lay_out(tree: Path, runtime: Path, texts: Mapping[str, str], config: str) -> None:
    """Write what TFTP serves, and dnsmasq's configuration."""
    root = runtime / "tftp"
    for name in layout.BOOT_FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / name, root / name)
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (runtime / "dnsmasq.conf").write_text(config, encoding="utf-8")
    for path in (runtime, *runtime.rglob("*")):
        if path.name != "leases":
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def signals_as_event() -> Iterator[threading.Event]:
    """Give what is set by SIGTERM, SIGHUP and SIGINT; a second SIGINT interrupts at once."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopping.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopping.set()

    signals = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.signal(number, stop) for number in signals]
    try:
        yield stopping
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
