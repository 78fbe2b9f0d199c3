"""A root shell on a machine's serial console, for systems that SSH does not reach."""

from __future__ import annotations

import base64
import itertools
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import pexpect
from edgelinux_build.qemu.console import strip_ansi
from edgelinux_build.qemu.runner import VirtualMachine
from pexpect import fdpexpect

from tests.e2e.forms import SerialForms

__all__ = ["Result", "SerialShell"]


@dataclass(frozen=True)
class Result:
    """What a command gave; kernel messages that came meanwhile are among the output."""

    status: int
    output: str


class SerialShell:
    """Runs commands one after the other.

    Takes the console's only connection while it is open, and reads it only while a command runs: what prints
    much at other times would come to a standstill.
    """

    def __init__(self, vm: VirtualMachine, seconds: float = 60) -> None:
        """Connects, and waits until a shell answers.

        Raises:
            pexpect.ExceptionPexpect: none did.
        """
        self._numbers = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(vm.machine.console_socket))
        self._spawn = fdpexpect.fdspawn(
            self._socket, encoding="utf-8", codec_errors="replace", timeout=seconds
        )
        # What is typed must not come back, or every marker would be found in its own echo. A terminal that
        # is not asked about the colours or the width of the screen does not answer into the next command.
        quiet = " stty -echo -onlcr; TERM=dumb; PS1=; PS2=; bind 'set enable-bracketed-paste off'\r"
        for number in range(10):
            # A shell that is only starting may lose what was typed before, so each attempt types all.
            self._spawn.send(f"\r{quiet}")
            self._spawn.send(f" echo ready-{number}-$((40+2))\r")
            if self._spawn.expect([f"ready-{number}-42", pexpect.TIMEOUT], timeout=seconds / 10) == 0:
                break
        else:
            raise pexpect.TIMEOUT(f"no shell answered on the console of {vm.machine.name}")
        self.run("true")

    def __enter__(self) -> SerialShell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def run(self, command: str, seconds: float = 120) -> Result:
        """Runs a shell command (one line or more) and waits for its end."""
        number = next(self._numbers)
        if "\n" in command or len(command) > 900:  # the line discipline takes 4095 bytes (termios(3))
            self.write("/run/serial-command", command)
            command = "bash /run/serial-command"
        self._spawn.send(f" {{ {command}\r}} </dev/null; echo end-{number}-of-$?-\r")
        self._spawn.expect(rf"end-{number}-of-(\d+)-", timeout=seconds)
        assert isinstance(self._spawn.before, str)
        match = self._spawn.match
        assert isinstance(match, re.Match)
        return Result(int(match.group(1)), strip_ansi(self._spawn.before).strip())

    def start(self, command: str, begun: str) -> None:
        """Types a command and waits only until it has printed `begun` (a regular expression)."""
        self._spawn.send(f" {command}\r")
        self._spawn.expect(begun, timeout=120)

    @contextmanager
    def forms(self, command: str) -> Iterator[SerialForms]:
        """Start a command that takes the whole screen; it has to have ended afterwards."""
        self.run("stty sane")
        self._spawn.send(f" TERM=vt220 {command}\r")
        yield SerialForms(self._socket)
        self._spawn.send("\r stty -echo -onlcr\r")
        self.run("true")

    def expect(self, pattern: str, seconds: float) -> str:
        """Waits for `pattern` in what a started command prints; gives what came before and matched.

        Raises:
            pexpect.TIMEOUT: it did not come.
        """
        self._spawn.expect(pattern, timeout=seconds)
        return strip_ansi(f"{self._spawn.before}{self._spawn.after}")

    def check(self, command: str, seconds: float = 120) -> str:
        """Runs a command that must succeed, and gives its output."""
        result = self.run(command, seconds)
        assert result.status == 0, f"{command!r} gave {result.status}: {result.output}"
        return result.output

    def write(self, path: str, text: str) -> None:
        """Writes a file."""
        encoded = base64.encodebytes(text.encode()).decode().replace("\n", "\r")
        self._spawn.send(f" base64 -d > {path} <<'X'\r{encoded}X\r")
