"""The driver's connection and events with the real libvirt module, on its test driver (test:///default).

Runs where the module is: inside the built tree and on hosts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.kvm import live
from edgelinux_hostd.runtime.kvm.connection import Connection
from edgelinux_hostd.runtime.kvm.driver import KvmRuntime

libvirt = pytest.importorskip("libvirt", reason="the libvirt module comes with the host's system Python")

OURS = """\
<domain type='test'>
  <name>{name}</name>
  <metadata><edgelinux:antlet xmlns:edgelinux='urn:edgelinux:antlet' number='25'/></metadata>
  <memory unit='MiB'>64</memory>
  <vcpu current='1'>2</vcpu>
  <os><type>hvm</type></os>
</domain>
"""


@pytest.fixture
def connection() -> Iterator[Connection]:
    made = Connection("test:///default")
    yield made
    made.close()


@pytest.fixture
def runtime(connection: Connection) -> KvmRuntime:
    connection.call("cannot create", lambda c: c.createXML(OURS.format(name="web1")))
    return KvmRuntime(connection)


def test_only_domains_with_our_mark_are_listed(runtime: KvmRuntime) -> None:
    assert runtime.states() == {"web1": State.RUNNING}


def test_foreign_domain_is_not_touched(runtime: KvmRuntime) -> None:
    with pytest.raises(RefusedError, match="not an antlet"):
        runtime.kill("test")


def test_pause_resume_and_kill(runtime: KvmRuntime) -> None:
    runtime.pause("web1")
    assert runtime.states() == {"web1": State.PAUSED}
    runtime.resume("web1")
    assert runtime.states() == {"web1": State.RUNNING}
    runtime.kill("web1")
    assert runtime.states() == {}
    runtime.kill("web1")


def test_stop_is_a_clean_shutdown(runtime: KvmRuntime) -> None:
    assert runtime.stop("web1", 10)
    assert runtime.states() == {}


def test_errors_are_one_line_of_the_right_kind(connection: Connection) -> None:
    with pytest.raises(NotFoundError, match=r"^cannot look: Domain not found"):
        connection.call("cannot look", lambda c: c.lookupByName("nobody"))
    with pytest.raises(EdgeLinuxError, match=r"^cannot reach libvirt at test:///nowhere/such: "):
        Connection("test:///nowhere/such").call("cannot look", lambda c: c.getCapabilities())


def test_numbers_of_states_are_libvirts() -> None:
    assert live.state(libvirt.VIR_DOMAIN_RUNNING) is State.RUNNING
    assert live.state(libvirt.VIR_DOMAIN_PAUSED) is State.PAUSED
    assert live.state(libvirt.VIR_DOMAIN_SHUTDOWN) is State.RUNNING
    assert live.state(libvirt.VIR_DOMAIN_SHUTOFF) is None


def test_events_come_to_the_loop_whatever_thread_caused_them(connection: Connection) -> None:
    told: list[tuple[str, State]] = []
    on_thread: set[int] = set()

    async def until(wanted: tuple[str, State]) -> None:
        while wanted not in told:
            await asyncio.sleep(0.01)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()

        def callback(name: str, state: State) -> None:
            told.append((name, state))
            on_thread.add(threading.get_ident())

        runtime = KvmRuntime(connection)
        runtime.register_events(loop, callback)
        await until(("test", State.RUNNING))  # what runs already
        await asyncio.to_thread(
            connection.call, "cannot create", lambda c: c.createXML(OURS.format(name="web1")) and None
        )
        await until(("web1", State.RUNNING))
        await asyncio.to_thread(runtime.pause, "web1")
        await until(("web1", State.PAUSED))
        await asyncio.to_thread(runtime.kill, "web1")
        await until(("web1", State.STOPPED))

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert on_thread == {threading.get_ident()}
