"""The terminal at a console, on a real pseudo-terminal."""

from __future__ import annotations

import os
import socket
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.command.console import attach
from edgelinux_hostd.errors import EdgeLinuxError


class Session:
    """Somebody at a terminal (`keyboard`), attached to a console (`console`)."""

    def __init__(self, directory: Path) -> None:
        self.keyboard, self.terminal = os.openpty()
        self.screen, self.out = os.pipe()
        self.before = termios.tcgetattr(self.terminal)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path = directory / "s"
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.thread = threading.Thread(
            target=attach, args=(str(self.path),), kwargs={"stdin": self.terminal, "stdout": self.out}
        )
        self.thread.start()
        self.console, _ = self.listener.accept()
        self.console.settimeout(30)
        # What it shows it shows after it went raw.
        self.console.sendall(b"login: ")
        assert os.read(self.screen, 100) == b"login: "

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self.terminal)

    def ended(self) -> bool:
        self.thread.join(30)
        return not self.thread.is_alive()

    def close(self) -> None:
        self.console.close()
        assert self.ended()
        self.listener.close()
        for descriptor in (self.keyboard, self.terminal, self.screen, self.out):
            os.close(descriptor)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path)
    yield made
    made.close()


def test_keys_reach_the_console_as_they_are_pressed(session: Session) -> None:
    os.write(session.keyboard, b"\x03")
    assert session.console.recv(10) == b"\x03"


def test_terminal_is_raw_meanwhile_and_restored_after_leaving(session: Session) -> None:
    assert not session.settings()[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    os.write(session.keyboard, b"exit\x1dmore")
    assert session.ended()
    assert session.settings() == session.before
    assert session.console.recv(10) == b"exit"
    assert session.console.recv(10) == b""


def test_terminal_is_restored_when_the_console_ends(session: Session) -> None:
    session.console.close()
    assert session.ended()
    assert session.settings() == session.before


def test_input_that_is_no_terminal_ends_with_its_end(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "s"))
    listener.listen(1)
    source, keyboard = os.pipe()
    os.write(keyboard, b"uptime\n")
    os.close(keyboard)
    attach(str(tmp_path / "s"), stdin=source, stdout=source)
    console, _ = listener.accept()
    assert console.recv(100) == b"uptime\n"
    for thing in (console, listener):
        thing.close()
    os.close(source)


def test_console_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=r"cannot reach the console at .*/gone: No such file"):
        attach(str(tmp_path / "gone"), stdin=0, stdout=1)
