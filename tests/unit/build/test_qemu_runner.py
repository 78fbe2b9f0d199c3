"""Following a machine, with a small program in QEMU's place."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_build.qemu import runner, state
from edgelinux_build.qemu.console import ConsoleError, MachineError
from edgelinux_build.qemu.machine import Firmware, Machine, Network
from edgelinux_build.qemu.program import Program
from edgelinux_hostd.errors import EdgeLinuxError

PROGRAM = """
import sys, time
with open(sys.argv[1], "a") as log:
    for line in sys.argv[2:]:
        log.write(line); log.flush(); time.sleep(0.05)
time.sleep({rest})
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Starts a machine whose console says the given texts, and which then lives `rest` seconds."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    machines: list[runner.VirtualMachine] = []

    def begin(*texts: str, rest: float = 30, ssh_port: int = 1) -> runner.VirtualMachine:
        log = tmp_path / "console.log"
        program = PROGRAM.format(rest=rest)
        stand_in = Program((sys.executable, "-c", program), (10, 0))
        monkeypatch.setattr(runner, "find_qemu", lambda: stand_in)
        monkeypatch.setattr(runner, "argv", lambda _: [str(log), *texts])
        machine = Machine(
            name="m", firmware=Firmware(), network=Network(ssh_port=ssh_port),
            console_socket=runner.socket_directory() / "c", console_log=log, qmp_socket=tmp_path / "q",
        )  # fmt: skip
        machines.append(runner.VirtualMachine(machine, tmp_path))
        return machines[-1]

    yield begin
    for vm in machines:
        vm.kill()


def test_lines_are_waited_for_in_order(start) -> None:  # type: ignore[no-untyped-def]
    vm = start("one\n", "two\n", "edge1 login: ")
    seen: list[str] = []
    assert vm.wait_for("t(w)o", 10, show=seen.append).group(1) == "w"
    assert seen == ["one", "two"]
    vm.wait_for("login:", 10)
    assert [line for _, line in vm.lines] == ["one", "two"]


def test_a_failure_ends_the_wait_at_once(start) -> None:  # type: ignore[no-untyped-def]
    vm = start("Kernel panic - not syncing: x\n")
    with pytest.raises(ConsoleError):
        vm.wait_for("login:", 20)
    assert vm.seconds < 10


def test_the_end_of_qemu_ends_the_wait(start) -> None:  # type: ignore[no-untyped-def]
    vm = start("one\n", rest=0)
    with pytest.raises(MachineError, match="before QEMU ended") as caught:
        vm.wait_for("login:", 20, "the log-in prompt")
    assert caught.value.lines == ("one",)


def test_a_line_that_does_not_come(start) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MachineError, match="not seen within 1 s"):
        start().wait_for("login:", 1)


def test_only_a_greeting_counts_as_ssh(start) -> None:  # type: ignore[no-untyped-def]
    with socket.create_server(("127.0.0.1", 0)) as server:
        greetings = iter([b"", b"SSH-2.0-OpenSSH_10.0\r\n"])

        def serve() -> None:
            for greeting in greetings:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(greeting)

        threading.Thread(target=serve, daemon=True).start()
        start(ssh_port=server.getsockname()[1]).wait_for_ssh(15)
    assert next(greetings, None) is None


def test_machines_are_listed_and_stopped_by_name(start) -> None:  # type: ignore[no-untyped-def]
    vm = start()
    assert [record.pid for record in state.records()] == [vm.process.pid]
    state.stop(state.find("m"))
    assert vm.process.wait(5) is not None
    assert state.records() == []
    with pytest.raises(EdgeLinuxError, match="no machine 'm'"):
        state.find("m")


def test_another_process_of_the_same_number_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    record = state.Record("old", os.getpid(), 1.0, "", 1, "", "", "bios")
    state.remember(record)
    assert record.process() is None
    state.stop(record)
    assert state.records() == []


def test_killing_removes_sockets_and_record(start) -> None:  # type: ignore[no-untyped-def]
    vm = start()
    sockets = vm.machine.console_socket.parent
    assert sockets.is_dir()
    vm.kill()
    vm.kill()
    assert not sockets.exists()
    assert state.records() == []
