"""KVM is used only when it has started the kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from edgelinux_build.qemu import accel
from edgelinux_build.qemu.program import Program, parse_version
from edgelinux_hostd.errors import EdgeLinuxError


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel, an empty cache, and a /dev/kvm that can be opened."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(accel, "KVM", device)
    monkeypatch.setattr(accel, "_installed_emulation", lambda: "tcg")
    monkeypatch.setattr(accel, "find_qemu", lambda: Program(("qemu",), (10, 0)))
    path = tmp_path / "vmlinuz"
    path.write_bytes(b"kernel")
    return path


def probe_with(monkeypatch: pytest.MonkeyPatch, program: str) -> list[Path]:
    """Replaces the probe guest by a Python program; the list grows with every probe."""
    probed: list[Path] = []

    def argv(path: Path) -> list[str]:
        probed.append(path)
        return [sys.executable, "-c", program]

    monkeypatch.setattr(accel, "probe_argv", argv)
    return probed


def test_a_kernel_that_speaks_proves_kvm_once(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probed = probe_with(
        monkeypatch, "print('[0.0] Linux version 6.12', flush=True); import time; time.sleep(60)"
    )
    for _ in range(2):
        choice = accel.choose_accel("auto", kernel)
        assert choice.accel == "kvm"
    assert len(probed) == 1


def test_another_kernel_is_proven_anew(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probed = probe_with(monkeypatch, "print('Linux version')")
    accel.choose_accel("auto", kernel)
    kernel.write_bytes(b"another")
    accel.choose_accel("auto", kernel)
    assert len(probed) == 2


def test_firmware_alone_proves_nothing(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe_with(monkeypatch, "print('SeaBIOS', flush=True); import time; time.sleep(60)")
    monkeypatch.setattr(accel, "PROBE_SECONDS", 0.5)
    choice = accel.choose_accel("auto", kernel)
    assert choice.accel == "tcg"
    assert "said nothing" in choice.reason


def test_a_probe_that_dies_is_quoted(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe_with(monkeypatch, "import sys; sys.exit('failed to set MSR 0x10a')")
    choice = accel.choose_accel("auto", kernel)
    assert choice.accel == "tcg"
    assert "failed to set MSR 0x10a" in choice.reason


def test_a_broken_cache_is_no_proof(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probed = probe_with(monkeypatch, "print('Linux version')")
    accel.choose_accel("auto", kernel)
    for path in (kernel.parent / "cache").rglob("*.json"):
        path.write_text("{")
    assert accel.choose_accel("auto", kernel).accel == "kvm"
    assert len(probed) == 2


def test_without_a_device_or_a_kernel(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert accel.choose_accel("auto", None).accel == "tcg"
    monkeypatch.setattr(accel, "KVM", kernel.parent / "none")
    assert "is not there" in accel.choose_accel("auto", kernel).reason
    with pytest.raises(EdgeLinuxError, match="cannot be opened"):
        accel.choose_accel("kvm", kernel)


@pytest.mark.parametrize(
    ("version", "chosen"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", "tcg-single"),
        ("QEMU emulator version 8.0.5", "tcg-single"),
        ("QEMU emulator version 8.1.0", "tcg"),
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", "tcg"),
        ("", "tcg-single"),
    ],
)
def test_old_emulators_get_one_thread(version: str, chosen: str) -> None:
    assert accel.emulation(Program(("qemu",), parse_version(version))) == chosen


def test_the_probe_has_no_disks_and_does_not_reboot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accel, "find_qemu", lambda: Program(("env", "qemu"), (10, 0)))
    line = accel.probe_argv(Path("/k"))
    assert line[:2] == ["env", "qemu"]
    assert "-no-reboot" in line
    assert not any("drive" in word or "netdev" in word for word in line)
