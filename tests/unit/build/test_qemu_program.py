"""Which QEMU machines are started with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_build.images import Emulator, load_base
from edgelinux_build.qemu import program
from edgelinux_hostd.errors import EdgeLinuxError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    program.find_qemu.cache_clear()
    yield
    program.find_qemu.cache_clear()


def qemu(folder: Path, version: str, status: int = 0) -> list[str]:
    """A program that says it is this version of QEMU."""
    path = folder / f"qemu-{version}-{status}"
    path.write_text(f"#!/bin/sh\necho 'QEMU emulator version {version} (Debian)'\nexit {status}\n")
    path.chmod(0o755)
    return [str(path)]


def test_the_hosts_own_when_it_is_current(tmp_path: Path) -> None:
    own, built = qemu(tmp_path, "8.1.0"), qemu(tmp_path, "10.0.2")
    found = program.choose([own, built])
    assert found == program.Program(tuple(own), (8, 1))
    assert found.current


def test_a_built_one_when_the_hosts_is_old_or_missing(tmp_path: Path) -> None:
    old, built = qemu(tmp_path, "7.2.22"), qemu(tmp_path, "10.0.2")
    assert program.choose([old, built]) == program.Program(tuple(built), (10, 0))
    assert program.choose([[str(tmp_path / "none")], built]) == program.Program(tuple(built), (10, 0))


def test_an_old_one_is_better_than_none(tmp_path: Path) -> None:
    old, broken = qemu(tmp_path, "7.2.22"), qemu(tmp_path, "10.0.2", status=127)
    found = program.choose([old, broken])
    assert found == program.Program(tuple(old), (7, 2))
    assert not found.current
    assert program.choose([broken]) is None


def test_a_host_that_calls_it_as_el_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kvm,) = qemu(tmp_path, "9.1.0")
    assert "/usr/libexec/qemu-kvm" in program.HOSTS
    monkeypatch.delenv("EDGELINUX_QEMU", raising=False)
    monkeypatch.setattr(program, "HOSTS", ("edgelinux-no-such-qemu", kvm))
    assert program.find_qemu() == program.Program((kvm,), (9, 1))


def test_a_host_without_any_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGELINUX_QEMU", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(program, "HOSTS", ("edgelinux-no-such-qemu",))
    with pytest.raises(EdgeLinuxError, match=r"edgelinux-no-such-qemu cannot be started \(`make setup`"):
        program.find_qemu()


def test_one_that_is_named_is_taken_whatever_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = qemu(tmp_path, "7.2.22")
    monkeypatch.setenv("EDGELINUX_QEMU", old)
    assert program.find_qemu().argv == (old,)


def test_one_that_is_named_and_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELINUX_QEMU", str(tmp_path / "none"))
    with pytest.raises(EdgeLinuxError, match="none cannot be started"):
        program.find_qemu()


def test_a_trees_qemu_takes_everything_from_its_tree() -> None:
    emulator = load_base(ROOT, "debian-13").emulator
    assert isinstance(emulator, Emulator)
    argv = program.in_tree(Path("/cache/tree"), emulator)
    assert argv[0] == "env"
    paths = [word.partition("=")[2] or word for word in argv[1:] if "/" in word]
    assert len(paths) == 6
    assert all(path.startswith("/cache/tree/") for path in paths)
