"""Events of machines over a libvirt in memory; the real loop is in test_kvm_libvirt.py."""

from __future__ import annotations

import asyncio
import sys

import pytest
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.kvm import connection as connections
from edgelinux_hostd.runtime.kvm import eventloop
from edgelinux_hostd.runtime.kvm.connection import Connection

from tests.unit.hostd.runtime.fake_libvirt import Host, module

MACHINE = "<domain><name>{}</name><uuid>{}</uuid><vcpu>1</vcpu></domain>"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host()
    monkeypatch.setitem(sys.modules, "libvirt", module(made))
    monkeypatch.setattr(eventloop, "install", lambda _loop: None)
    monkeypatch.setattr(connections, "_RETRY", 0.01)
    return made


Told = list[tuple[str, State]]


async def until(told: Told, wanted: Told) -> None:
    while len(told) < len(wanted):
        await asyncio.sleep(0.005)
    assert told == wanted


def scenario(host: Host, steps: list[tuple[str, Told]]) -> None:
    """Run steps, each a name of what happens and all that shall have been told afterwards."""

    async def run() -> None:
        told: Told = []
        connection = Connection()
        connection.register_events(asyncio.get_running_loop(), lambda name, state: told.append((name, state)))
        for step, wanted in steps:
            if step == "libvirt restarts":
                host.opened[-1].breaks_off()
            elif step == "libvirt comes":
                host.unreachable = False
            elif step.startswith("dies silently "):
                del host.domains[step.removeprefix("dies silently ")]
            elif step.startswith("comes silently "):
                host.add(MACHINE.format(step.removeprefix("comes silently "), 3))
            elif step:
                name, event = step.split()
                host.opened[-1].tells(host.domains[name], int(event))
            await until(told, wanted)
        connection.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_what_runs_is_told_first_and_then_what_changes(host: Host) -> None:
    host.add(MACHINE.format("web1", 1))
    wanted = [("web1", State.RUNNING)]
    paused = [*wanted, ("web1", State.PAUSED)]
    resumed = [*paused, ("web1", State.RUNNING)]
    stopped = [*resumed, ("web1", State.STOPPED)]
    scenario(
        host,
        [("", wanted), ("web1 3", paused), ("web1 4", resumed), ("web1 6", resumed), ("web1 5", stopped)],
    )


def test_what_happened_while_libvirt_was_away_is_told_afterwards(host: Host) -> None:
    host.add(MACHINE.format("web1", 1))
    host.add(MACHINE.format("web2", 2))
    first = [("web1", State.RUNNING), ("web2", State.RUNNING)]
    scenario(
        host,
        [
            ("", first),
            ("dies silently web1", first),
            ("comes silently web3", first),
            ("libvirt restarts", [*first, ("web1", State.STOPPED), ("web3", State.RUNNING)]),
            ("web3 5", [*first, ("web1", State.STOPPED), ("web3", State.RUNNING), ("web3", State.STOPPED)]),
        ],
    )


def test_libvirt_that_is_not_there_yet_is_waited_for(host: Host) -> None:
    host.add(MACHINE.format("web1", 1))
    host.unreachable = True
    scenario(host, [("", []), ("libvirt comes", [("web1", State.RUNNING)])])
