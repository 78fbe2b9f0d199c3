"""dnsmasq as a child that never outlives this process, and whose end is never hidden."""

from __future__ import annotations

import contextlib
import pwd
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Dnsmasq", "argv", "unprivileged"]

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
# What DHCP and TFTP need of root: low ports, raw sockets, entries in the ARP table.
_CAPABILITIES = "+net_bind_service,+net_raw,+net_admin"
_STARTED = "started, version"


def unprivileged() -> pwd.struct_passwd:
    """Return the user that dnsmasq runs as: its package's own, else nobody."""
    for name in ("dnsmasq", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EdgeLinuxError("this machine has neither a user dnsmasq nor nobody")


def argv(config: Path, user: pwd.struct_passwd) -> list[str]:
    """Return the command. Raises EdgeLinuxError when dnsmasq is not installed.

    It starts without root instead of giving it up itself, since the kernel forgets to end it with its parent
    when it changes its user: prctl(2), PR_SET_PDEATHSIG.
    """
    program = shutil.which("dnsmasq", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    if not program:
        raise EdgeLinuxError(
            "dnsmasq is not installed", hint="apt-get install dnsmasq-base; elsewhere: dnsmasq"
        )
    caps = (f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}", "--pdeathsig=TERM")
    who = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return ["setpriv", *who, *caps, "--", program, "--keep-in-foreground", "--log-facility=-",
            f"--conf-file={config}"]  # fmt: skip


class Dnsmasq:
    """Runs dnsmasq; each line of its log goes to a file and to `heard`, which is called in a thread."""

    def __init__(self, command: Sequence[str], log: Path, heard: Callable[[str], None]) -> None:
        self._command = list(command)
        self._log = log
        self._heard = heard
        self._last: list[str] = []
        self._started = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start it, and wait until it serves; raises EdgeLinuxError with its own words when it does not."""
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # Ctrl-C at the terminal is for this process, which then stops it.
                start_new_session=True,
            )
        except OSError as error:
            raise EdgeLinuxError(f"cannot run {self._command[0]}: {error.strerror}") from error
        assert self._process.stderr  # noqa: S101  (a pipe)
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True)
        self._reader.start()
        if not self._started.wait(_START_SECONDS) or self._process.poll() is not None:
            said = self.problem() or "it did not say that it serves"
            self.stop()
            raise EdgeLinuxError(f"dnsmasq did not start: {said}", hint=f"its log: {self._log}")

    def problem(self) -> str:
        """Say why it ended; empty while it runs."""
        if self._process is None or self._process.poll() is None:
            return ""
        if self._reader is not None:
            self._reader.join(_STOP_SECONDS)
        code = self._process.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{self._last[-1]} ({how})" if self._last and code >= 0 else f"it ended with {how}"

    def stop(self) -> None:
        """End it; does nothing when it has ended, or never started."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._reader is not None:
            self._reader.join(_STOP_SECONDS)

    def _read(self, said: IO[str]) -> None:
        with self._log.open("a", encoding="utf-8") as log, said:
            for line in said:
                log.write(line)
                log.flush()
                text = line.strip()
                self._last = [*self._last[-4:], text.partition(": ")[2] or text]
                if _STARTED in line:
                    self._started.set()
                self._heard(text)
        self._started.set()  # or it never will
