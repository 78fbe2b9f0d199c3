"""The console relay, between real pseudo-terminals and Unix sockets."""

from __future__ import annotations

import os
import socket
import stat
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_hostd.console import ConsoleServer
from edgelinux_hostd.errors import EdgeLinuxError


def line() -> tuple[int, int]:
    """Give a machine's end of a serial line, and ours."""
    guest, host = os.openpty()
    tty.setraw(host)
    return guest, host


@pytest.fixture
def machine() -> Iterator[tuple[int, int]]:
    guest, host = line()
    yield guest, host
    os.close(guest)


def server(tmp_path: Path, unused: float = 30) -> ConsoleServer:
    return ConsoleServer(tmp_path / "c", group=None, unused=unused)


def join() -> None:
    for thread in threading.enumerate():
        if thread.name == "console":
            thread.join(30)
            assert not thread.is_alive()


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(str(path))
    return client


def read(source: socket.socket | int, length: int) -> bytes:
    found = b""
    while len(found) < length:
        more = source.recv(65536) if isinstance(source, socket.socket) else os.read(source, 65536)
        assert more, f"ended after {found!r}"
        found += more
    return found


def closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def test_bytes_go_both_ways(tmp_path: Path, machine: tuple[int, int]) -> None:
    guest, host = machine
    with connect(server(tmp_path).open(host)) as client:
        os.write(guest, b"login: ")
        assert read(client, 7) == b"login: "
        client.sendall(b"root\r")
        assert read(guest, 5) == b"root\r"
    join()
    assert closed(host)


def test_socket_is_for_one_connection_of_the_group(tmp_path: Path, machine: tuple[int, int]) -> None:
    path = server(tmp_path).open(machine[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    with connect(path) as client:
        os.write(machine[0], b"x")
        read(client, 1)
        assert not path.exists()
    join()


def test_socket_that_nobody_uses_goes(tmp_path: Path, machine: tuple[int, int]) -> None:
    path = server(tmp_path, unused=0.05).open(machine[1])
    join()
    assert not path.exists()
    assert closed(machine[1])


def test_client_sees_the_machines_end(tmp_path: Path) -> None:
    guest, host = line()
    with connect(server(tmp_path).open(host)) as client:
        os.write(guest, b"bye")
        assert read(client, 3) == b"bye"
        os.close(guest)
        assert client.recv(1) == b""
    join()


def test_much_output_to_a_slow_reader_is_complete(tmp_path: Path) -> None:
    near, far = socket.socketpair()
    words = os.urandom(3_000_000)
    with connect(server(tmp_path).open(far.detach())) as client:
        writer = threading.Thread(target=near.sendall, args=(words,))
        writer.start()
        assert read(client, len(words)) == words
        writer.join(30)
        near.close()
        assert client.recv(1) == b""
    join()


def test_client_that_vanishes_ends_the_relay(tmp_path: Path, machine: tuple[int, int]) -> None:
    connect(server(tmp_path).open(machine[1])).close()
    join()
    assert closed(machine[1])


def test_console_that_cannot_be_opened_is_an_error_and_closes(
    tmp_path: Path, machine: tuple[int, int]
) -> None:
    (tmp_path / "c").touch()
    with pytest.raises(EdgeLinuxError, match="cannot open a console in"):
        server(tmp_path).open(machine[1])
    assert closed(machine[1])


def test_unknown_group_is_an_error(tmp_path: Path, machine: tuple[int, int]) -> None:
    with pytest.raises(EdgeLinuxError, match="no-such-group"):
        ConsoleServer(tmp_path / "c", group="no-such-group").open(machine[1])
