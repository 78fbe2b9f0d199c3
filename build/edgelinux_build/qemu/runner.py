"""Starts a machine, follows its console, talks QMP with it, and ends it."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError
from qemu.qmp.legacy import QEMUMonitorProtocol

from edgelinux_build.qemu import state
from edgelinux_build.qemu.console import MachineError, Watcher
from edgelinux_build.qemu.machine import Machine, argv
from edgelinux_build.qemu.program import find_qemu

__all__ = ["VirtualMachine", "free_port", "socket_directory"]

POLL_SECONDS = 0.25


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def socket_directory() -> Path:
    """A new private directory for sockets: a socket's path may have 107 bytes only (unix(7))."""
    return Path(tempfile.mkdtemp(prefix="edgelinux-vm-"))


def _unsent(connection: socket.socket) -> int:
    """How many bytes the other side of a socket has not read yet."""
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


class VirtualMachine:
    """A started QEMU. Its console is read from the log that QEMU writes, so the socket stays free."""

    def __init__(
        self,
        machine: Machine,
        directory: Path,
        allowed: Iterable[str] = (),
        *,
        tied: bool = False,
        pass_fds: Collection[int] = (),
    ) -> None:
        """Starts QEMU; what it says itself goes to `directory`/qemu.log. `tied`: it ends with this process.

        `pass_fds` are open files that the machine's options name by number, such as a tap device's.

        Raises:
            EdgeLinuxError: QEMU is not installed.
        """
        command = [*find_qemu().argv, *argv(machine)]
        self.machine = machine
        self.directory = directory
        self.watcher = Watcher(allowed=allowed)
        self.lines: list[tuple[float, str]] = []
        self._seen = 0
        machine.console_log.write_bytes(b"")
        self._log = machine.console_log.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.qemu_log = directory / "qemu.log"
        if tied:  # whatever ends this process: prctl(2), PR_SET_PDEATHSIG
            command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
        with self.qemu_log.open("ab") as log:
            log.write(f"{' '.join(command)}\n".encode())
            log.flush()
            self.started = time.monotonic()
            # Its own session: Ctrl-C at the terminal is for us, and a detached machine outlives us.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=tuple(pass_fds),
            )
        state.remember(
            state.Record(
                name=machine.name,
                pid=self.process.pid,
                started=state.started_at(self.process.pid),
                directory=str(directory),
                ssh_port=machine.network.ssh_port,
                console_socket=str(machine.console_socket),
                console_log=str(machine.console_log),
                firmware=machine.firmware.name,
            )
        )

    def __enter__(self) -> VirtualMachine:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def seconds(self) -> float:
        """Seconds since power-on."""
        return time.monotonic() - self.started

    def poll(self) -> list[str]:
        """The console's new complete lines.

        Raises:
            ConsoleError: one of them means failure.
        """
        text = "" if self._log.closed else self._decoder.decode(self._log.read())
        if not text:
            return []
        lines = self.watcher.feed(text)
        now = self.seconds
        self.lines.extend((now, line) for line in lines)
        return lines

    def running(self) -> bool:
        """Whether QEMU still runs."""
        return self.process.poll() is None

    def follow(self, seconds: float) -> Iterator[str]:
        """Console lines as they come, until `seconds` have passed or QEMU has ended.

        An empty line is given now and then, so that the caller can look at other things meanwhile.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            alive = self.running()
            yield from self.poll()
            yield ""
            if not alive:
                return
            time.sleep(POLL_SECONDS)

    def wait_for(
        self, pattern: str, seconds: float, what: str = "", show: Callable[[str], None] | None = None
    ) -> re.Match[str]:
        """Waits until the console has a line that `pattern` is found in, and gives the match.

        Lines from where the last wait ended count; the unfinished line counts too (prompts). `show` gets
        every line passed by, the one found included.

        Raises:
            MachineError: it did not come in time, or QEMU ended.
            ConsoleError: the console showed a failure first.
        """
        wanted = re.compile(pattern)
        for _ in self.follow(seconds):
            while self._seen < len(self.lines):
                line = self.lines[self._seen][1]
                match = wanted.search(line)
                self._seen += 1
                if show is not None:
                    show(line)
                if match:
                    return match
            if match := wanted.search(self.watcher.partial):
                return match
        problem = f"not seen within {seconds:.0f} s" if self.running() else "not seen before QEMU ended"
        raise self._error(f"{what or repr(pattern)} {problem}")

    def wait_for_ssh(self, seconds: float) -> None:
        """Waits until an SSH server answers with its greeting.

        Raises:
            MachineError: it did not come in time, or QEMU ended.
            ConsoleError: the console showed a failure first.
        """
        asked = 0.0
        for _ in self.follow(seconds):
            if time.monotonic() - asked >= 1:
                if self._ssh_greets():
                    return
                asked = time.monotonic()
        raise self._error(f"SSH did not answer within {seconds:.0f} s")

    def _ssh_greets(self) -> bool:
        """QEMU accepts the connection before the guest does, so only the server's words count."""
        with contextlib.suppress(OSError):
            address = ("127.0.0.1", self.machine.network.ssh_port)
            with socket.create_connection(address, timeout=3) as connection:
                return connection.recv(8).startswith(b"SSH-")
        return False

    def wait_end(self, seconds: float) -> None:
        """Waits until QEMU has ended, as after a power-off.

        Raises:
            MachineError: it did not end in time.
            ConsoleError: the console showed a failure first.
        """
        for _ in self.follow(seconds):
            pass
        if self.running():
            raise self._error(f"still runs after {seconds:.0f} s")
        self._clean()

    def _error(self, message: str) -> MachineError:
        lines = self.watcher.last_lines
        if not lines:  # then QEMU itself may have said why, after its command line
            lines = tuple(self.qemu_log.read_text(errors="replace").splitlines()[-5:])
        return MachineError(f"{self.machine.name}: {message}", lines)

    def type(self, text: str, seconds: float = 30) -> None:
        """Types on the serial console; returns when the guest's serial port has taken it all."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.machine.console_socket))
            connection.sendall(text.encode())
            # QEMU takes only what fits the port's FIFO, and drops the rest when the connection closes.
            deadline = time.monotonic() + seconds
            while _unsent(connection) and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.1)

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Runs one QMP command and gives its return value."""
        monitor = QEMUMonitorProtocol(str(self.machine.qmp_socket))
        monitor.settimeout(60)
        try:
            monitor.connect(negotiate=True)
            return monitor.cmd(command, **arguments)
        finally:
            monitor.close()

    def shut_down(self, seconds: float = 90) -> None:
        """Presses the power button and waits until the guest has gone down."""
        self.qmp("system_powerdown")
        self.wait_end(seconds)

    def kill(self) -> None:
        """Ends QEMU at once, if it still runs: for the guest a power failure."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(EdgeLinuxError):
            self.poll()
        self._clean()

    def _clean(self) -> None:
        self._log.close()
        state.forget(self.machine.name)
        sockets = self.machine.console_socket.parent
        if sockets.name.startswith("edgelinux-vm-"):
            shutil.rmtree(sockets, ignore_errors=True)
