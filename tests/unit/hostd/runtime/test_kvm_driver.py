"""The driver of machines, over a libvirt in memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, RefusedError
from edgelinux_hostd.runtime.base import Launch, State
from edgelinux_hostd.runtime.kvm.connection import Connection
from edgelinux_hostd.runtime.kvm.driver import KvmRuntime

from tests.unit.hostd.runtime.fake_libvirt import Domain, Host, module
from tests.unit.hostd.runtime.test_kvm_domain import LINUX

FOREIGN = "<domain type='kvm'><name>theirs</name><uuid>1</uuid><vcpu>1</vcpu></domain>"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host()
    monkeypatch.setitem(sys.modules, "libvirt", module(made))
    return made


@pytest.fixture
def runtime(host: Host, tmp_path: Path) -> KvmRuntime:
    return KvmRuntime(Connection(), profiles=tmp_path)


def launch(directory: Path = Path("/antlets/web1"), **fields: object) -> Launch:
    spec = {
        "name": "web1",
        "number": 25,
        "uuid": UUID(int=25),
        "kind": "kvm",
        "ram": 1024,
        "cpu": 1,
        **fields,
    }
    return Launch(AntletSpec.model_validate(spec), directory, LINUX)


def test_started_antlet_runs(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    assert runtime.states() == {"web1": State.RUNNING}
    assert host.domains["web1"].root.get("type") == "kvm"


def test_what_it_starts_from_is_labelled_first(
    runtime: KvmRuntime, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled: list[tuple[Path, bool]] = []
    monkeypatch.setattr(
        "edgelinux_hostd.runtime.kvm.driver.label_machine",
        lambda directory: labelled.append((directory, "web1" in host.domains)),
    )
    runtime.start(launch())
    # Not again: libvirt has given the files to the machine that runs.
    runtime.start(launch())
    assert labelled == [(Path("/antlets/web1"), False)]


def test_starting_twice_is_starting_once(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    first = host.domains["web1"]
    runtime.start(launch())
    assert host.domains["web1"] is first


def test_host_without_kvm_emulates_and_says_so(
    runtime: KvmRuntime, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.kvm = False
    runtime.start(launch())
    assert runtime.emulated()
    assert host.domains["web1"].root.get("type") == "qemu"
    assert "web1 runs by emulation" in caplog.text


@pytest.mark.parametrize(("kvm", "kind"), [(True, "kvm"), (False, "qemu")])
def test_offers_are_those_of_the_way_machines_run_here(
    runtime: KvmRuntime, host: Host, kvm: bool, kind: str
) -> None:
    host.kvm = kvm
    capabilities, domain = runtime.offers()
    assert "<capabilities>" in capabilities
    assert f"<domain>{kind}</domain>" in domain
    assert runtime.emulated() is not kvm


def test_seed_is_attached_where_there_is_one(runtime: KvmRuntime, host: Host, tmp_path: Path) -> None:
    (tmp_path / "disks").mkdir()
    (tmp_path / "disks/seed.img").touch()
    runtime.start(launch(tmp_path))
    sources = [found.get("file") for found in host.domains["web1"].root.findall("devices/disk/source")]
    assert sources[-1] == f"{tmp_path}/disks/seed.img"


def test_failed_start_is_one_clear_line(runtime: KvmRuntime, host: Host) -> None:
    host.refuses = "internal error: process exited while connecting to monitor:\n no such file"
    with pytest.raises(EdgeLinuxError) as caught:
        runtime.start(launch())
    assert str(caught.value) == (
        "cannot start web1: internal error: process exited while connecting to monitor: no such file"
    )


def test_unreachable_libvirt_is_one_clear_line(runtime: KvmRuntime, host: Host) -> None:
    host.unreachable = True
    with pytest.raises(EdgeLinuxError, match=r"^cannot reach libvirt at qemu:///system: .*refused"):
        runtime.states()


def test_domain_that_is_no_antlet_is_not_listed_and_not_touched(runtime: KvmRuntime, host: Host) -> None:
    theirs = host.add(FOREIGN)
    assert runtime.states() == {}
    for act in (runtime.kill, runtime.pause, runtime.resume, runtime.stats, runtime.console):
        with pytest.raises(RefusedError, match="not an antlet"):
            act("theirs")
    with pytest.raises(RefusedError, match="not an antlet"):
        runtime.stop("theirs", 0)
    with pytest.raises(RefusedError, match="not an antlet"):
        runtime.start(launch(name="theirs"))
    assert host.domains == {"theirs": theirs}
    assert (theirs.running, theirs.presses) == (1, 0)


def test_listing_asks_about_each_domain_once(runtime: KvmRuntime, host: Host) -> None:
    host.add(FOREIGN)
    for number in range(20, 40):
        runtime.start(launch(name=f"web{number}", uuid=UUID(int=number)))
    runtime.states()
    asked, listed = host.asked_metadata, host.listed
    assert len(runtime.states()) == 20
    assert (host.asked_metadata, host.listed) == (asked, listed + 1)


def test_libvirt_restarted_meanwhile_is_asked_again(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    host.breaks = 1
    assert runtime.states() == {"web1": State.RUNNING}
    assert len(host.opened) == 2
    assert host.opened[0].closed


def test_connection_that_another_thread_closes_meanwhile_is_opened_again(
    runtime: KvmRuntime, host: Host
) -> None:
    """As when events are registered for while a job of before the start goes on."""
    runtime.start(launch())
    runtime.connection.call("ask", lambda connection: connection.close())
    assert runtime.states() == {"web1": State.RUNNING}

    def closed_while_asked(connection: Any) -> str:
        if connection is host.opened[1]:
            connection.close()
        return str(connection.getCapabilities())

    assert "capabilities" in runtime.connection.call("ask", closed_while_asked)
    assert len(host.opened) == 3


def test_libvirt_that_keeps_breaking_is_an_error(runtime: KvmRuntime, host: Host) -> None:
    host.breaks = 2
    with pytest.raises(EdgeLinuxError, match="cannot list machines: End of file"):
        runtime.states()


def test_stop_ends_with_the_guest(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    assert runtime.stop("web1", 5)
    assert not host.domains


def test_stop_of_a_deaf_guest_gives_up(runtime: KvmRuntime, host: Host) -> None:
    host.on_press = lambda _domain: None
    runtime.start(launch())
    assert not runtime.stop("web1", 0)
    assert runtime.states() == {"web1": State.RUNNING}


def test_stop_wakes_a_paused_guest(runtime: KvmRuntime) -> None:
    runtime.start(launch())
    runtime.pause("web1")
    assert runtime.stop("web1", 5)


def test_stop_and_kill_of_what_does_not_run_do_nothing(runtime: KvmRuntime) -> None:
    assert runtime.stop("web1", 0)
    runtime.kill("web1")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_nothing_is_left_of_a_stopped_antlet(
    runtime: KvmRuntime, host: Host, tmp_path: Path, how: str
) -> None:
    runtime.start(launch())
    mine, other = tmp_path / f"libvirt-{UUID(int=25)}", tmp_path / f"libvirt-{UUID(int=26)}"
    mine.touch()
    other.touch()
    runtime.stop("web1", 5) if how == "stop" else runtime.kill("web1")
    assert not host.domains
    assert sorted(tmp_path.iterdir()) == [other]


def test_antlet_that_ends_during_a_call_counts_as_ended(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())

    def vanishes(domain: Domain) -> None:
        domain.destroy()
        domain._alive()

    host.on_press = vanishes
    assert runtime.stop("web1", 5)


def test_antlet_that_ends_while_it_is_looked_up_counts_as_ended(runtime: KvmRuntime, host: Host) -> None:
    def vanishes(domain: Domain) -> None:
        host.domains.pop(domain.name(), None)

    runtime.start(launch())
    host.on_metadata = vanishes
    assert runtime.stop("web1", 0)
    runtime.start(launch())
    runtime.kill("web1")
    runtime.start(launch())
    assert runtime.states() == {}


def test_antlet_that_is_just_ending_is_waited_for(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    host.domains["web1"].running = 5  # virDomainState: shut off, and not yet cleared away
    assert not runtime.stop("web1", 0)
    assert runtime.states() == {}


def test_pause_and_resume_may_be_repeated(runtime: KvmRuntime) -> None:
    runtime.start(launch())
    runtime.pause("web1")
    runtime.pause("web1")
    assert runtime.states() == {"web1": State.PAUSED}
    runtime.resume("web1")
    runtime.resume("web1")
    assert runtime.states() == {"web1": State.RUNNING}


@pytest.mark.parametrize("act", ["pause", "resume", "stats", "console"])
def test_what_does_not_run_is_refused(runtime: KvmRuntime, act: str) -> None:
    with pytest.raises(RefusedError, match="web1 does not run"):
        getattr(runtime, act)("web1")


def test_memory_shrinks_and_grows_while_it_runs(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    assert runtime.apply(launch(ram=512)) == ()
    assert host.domains["web1"].balloon == 512 * 1024
    assert runtime.apply(launch(ram=1024)) == ()
    assert host.domains["web1"].balloon == 1024 * 1024


def test_more_memory_than_it_was_started_with_waits(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    assert runtime.apply(launch(ram=2048)) == ("ram",)
    assert host.domains["web1"].balloon == 1024 * 1024


def test_processors_are_plugged_in_and_what_cannot_be_waits(
    runtime: KvmRuntime, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    runtime.start(launch(cpu=2))
    assert runtime.apply(launch(cpu=4)) == ()
    assert host.domains["web1"].cpus == 4
    assert runtime.apply(launch(cpu=1)) == ("cpu",)
    assert runtime.apply(launch(cpu=5)) == ("cpu",)


@pytest.mark.parametrize(
    "nics",
    [(), (Nic(source="other"),), (Nic(model="e1000"),), (Nic(mac="52:54:00:00:00:01"),), (Nic(), Nic())],
)
def test_other_network_cards_wait(runtime: KvmRuntime, nics: tuple[Nic, ...]) -> None:
    runtime.start(launch())
    assert runtime.apply(launch()) == ()
    assert runtime.apply(launch(nics=nics)) == ("nics",)


def test_stats_add_up_disks_and_cards(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    host.domains["web1"].figures = {
        "cpu.time": 1_500_000_000,
        "balloon.rss": 200,
        "balloon.current": 1024,
        "block.count": 2,
        "block.0.rd.bytes": 1,
        "block.1.rd.bytes": 2,
        "block.0.wr.bytes": 4,
        "net.count": 1,
        "net.0.rx.bytes": 8,
        "net.0.tx.bytes": 16,
    }
    found = runtime.stats("web1")
    assert (found.cpu_seconds, found.memory, found.memory_limit) == (1.5, 200 * 1024, 1024 * 1024)
    assert (found.disk_read, found.disk_written, found.net_received, found.net_sent) == (3, 4, 8, 16)


def test_console_is_the_pseudo_terminal_of_the_machine(runtime: KvmRuntime, host: Host) -> None:
    runtime.start(launch())
    machine, terminal = os.openpty()
    try:
        serial = host.domains["web1"].root.find("devices/serial")
        assert serial is not None
        serial.insert(0, serial.makeelement("source", {"path": os.ttyname(terminal)}))
        console = runtime.console("web1")
        os.write(machine, b"login: \n")
        os.set_blocking(console, True)
        assert os.read(console, 100).startswith(b"login: ")
        with pytest.raises(BusyError, match="somebody else is at the console of web1"):
            runtime.console("web1")
        os.close(console)
    finally:
        os.close(machine)
        os.close(terminal)


def test_machine_without_a_console_is_an_error(runtime: KvmRuntime) -> None:
    runtime.start(launch())
    with pytest.raises(EdgeLinuxError, match="web1 has no serial console"):
        runtime.console("web1")
