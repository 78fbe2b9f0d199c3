"""What hostd sees to when it starts, and in what order."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from edgelinux_hostd.bringup import NetworkGate, bring_up
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.network.defined import State
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime
from edgelinux_hostd.storage.base import JOB, KIND

from tests.unit.hostd.world import World


@pytest.fixture
def lxc(tmp_path: Path) -> LxcRuntime:
    return LxcRuntime(run_directory=tmp_path / "run", cgroup=tmp_path / "cgroup")


def test_starts_wait_for_the_network_and_say_why_it_is_not_up() -> None:
    gate = NetworkGate(patience=0)
    with pytest.raises(EdgeLinuxError, match="still starting"):
        gate.wait()
    gate.fail("10.1.1.0/24 is not free")
    with pytest.raises(EdgeLinuxError, match=r"10\.1\.1\.0/24 is not free"):
        gate.wait()
    gate.open()
    gate.wait()


def test_a_network_that_cannot_be_brought_up_keeps_nothing_else_from_it(
    tmp_path: Path, lxc: LxcRuntime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path / "pools")
    world.storage.create("antlets/left", {KIND: "antlet", JOB: "unknown"})
    world.storage.create("antlets/making", {KIND: "antlet", JOB: "known"})

    def broken(base_ip: str) -> State:
        raise EdgeLinuxError("libvirt does not answer")

    monkeypatch.setattr("edgelinux_hostd.network.defined.ensure", broken)
    gate = NetworkGate(patience=0)
    with caplog.at_level(logging.WARNING):
        bring_up(world.services(), lxc, gate, {"known"})
    with pytest.raises(EdgeLinuxError, match="libvirt does not answer"):
        gate.wait()
    assert "antlets/left was left half-made" in caplog.text
    assert "antlets/making" not in caplog.text
    assert "antlets/left" in world.storage.filesystems, "nothing is destroyed unasked"
