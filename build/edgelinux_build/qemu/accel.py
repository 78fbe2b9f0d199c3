"""Decides between KVM and emulation: KVM only when it has run this kernel.

A /dev/kvm that exists and even runs firmware may still never start a stock kernel (nested virtualization
without what the kernel needs), so the proof is a guest whose kernel has printed its first line.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import selectors
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.qemu.machine import Accel
from edgelinux_build.qemu.program import Program, find_qemu

__all__ = ["AccelChoice", "choose_accel", "emulation", "probe_argv"]

KVM = Path("/dev/kvm")
PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class AccelChoice:
    """What to use, and why, in words for a person."""

    accel: Accel
    reason: str


def probe_argv(kernel: Path) -> list[str]:
    """A guest that only starts the kernel, without disks or initramfs, and ends with its panic."""
    return [
        *find_qemu().argv,
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-machine", "q35", "-accel", "kvm", "-cpu", "max", "-m", "512"),
        *("-serial", "stdio", "-kernel", str(kernel)),
        *("-append", "console=ttyS0 earlyprintk=serial,ttyS0,115200 panic=-1"),
    ]


def _first_kernel_line(argv: Sequence[str], seconds: float) -> str:
    """Why the probe failed, or "" when its kernel spoke."""
    output = b""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for; tells the type checker
        deadline = time.monotonic() + seconds
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                while (left := deadline - time.monotonic()) > 0:
                    if not selector.select(left):
                        break
                    data = os.read(process.stdout.fileno(), 65536)
                    if not data:
                        break
                    output += data
                    if b"Linux version" in output:
                        return ""
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        errors.seek(0)
        words = errors.read().decode(errors="replace").strip().splitlines()
    if time.monotonic() >= deadline:
        return f"a probe guest's kernel said nothing within {seconds:.0f} s"
    return f"a probe guest ended at once: {words[-1] if words else 'without a word'}"


def _host_identity() -> str:
    """What, besides the kernel, decides whether KVM works here."""
    model = ""
    with contextlib.suppress(OSError):
        match = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        model = match.group(1) if match else ""
    boot = ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return "\n".join((platform.node(), platform.release(), model, boot))


def _cache_file(kernel: Path) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(_host_identity().encode() + b"\0" + kernel.read_bytes()).hexdigest()
    return base / "edgelinux" / "kvm-probe" / f"{digest[:32]}.json"


def _proven(kernel: Path) -> tuple[bool, str]:
    """Whether KVM runs this kernel here, and why (not); remembered for this kernel until the host reboots."""
    cache = _cache_file(kernel)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(cache.read_text())
        return bool(known["works"]), str(known["reason"])
    failure = _first_kernel_line(probe_argv(kernel), PROBE_SECONDS)
    reason = failure or "a probe guest started this kernel under KVM"
    cache.parent.mkdir(parents=True, exist_ok=True)
    temporary = cache.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({"works": not failure, "reason": reason}))
    temporary.replace(cache)
    return not failure, reason


def emulation(qemu: Program) -> Accel:
    """How a QEMU may emulate several processors.

    Before 8.1 a processor could run a translation that another was just overwriting ("accel/tcg: Always lock
    pages before translation"): Linux, which patches its own code through breakpoints, then dies now and then
    of "Oops: int3". One thread for all processors cannot do that.
    """
    return "tcg" if qemu.current else "tcg-single"


def _installed_emulation() -> Accel:
    return emulation(find_qemu())


def choose_accel(wanted: Literal["auto", "kvm", "tcg"], kernel: Path | None) -> AccelChoice:
    """Acceleration for a machine that will run `kernel` (None: unknown, so KVM cannot be proven).

    Raises:
        EdgeLinuxError: KVM was asked for and its device cannot be opened.
    """
    if wanted == "tcg":
        return AccelChoice(_installed_emulation(), "asked for")
    usable = os.access(KVM, os.R_OK | os.W_OK)
    if wanted == "kvm":
        if not usable:
            raise EdgeLinuxError(f"{KVM} cannot be opened", hint="use --accel tcg, or join the group kvm")
        return AccelChoice("kvm", "asked for")
    if not usable:
        return AccelChoice(
            _installed_emulation(), f"{KVM} is {'not accessible' if KVM.exists() else 'not there'}"
        )
    if kernel is None:
        return AccelChoice(_installed_emulation(), "no kernel is known to prove KVM with")
    works, reason = _proven(kernel)
    return AccelChoice("kvm" if works else _installed_emulation(), reason)
