"""All machines, from several threads: told what happens, asked how far each is. Kept over restarts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.whole import write_whole
from edgelinux_installer.identity import normalise_mac
from pydantic import BaseModel, ConfigDict, ValidationError

from edgelinux_build.medium.files import KERNEL
from edgelinux_build.pxe.server import transitions
from edgelinux_build.pxe.server.journal import Happening, Journal
from edgelinux_build.pxe.server.machines import Machine

__all__ = ["Ledger"]

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# Anybody on the network can make up machines.
_MOST = 2000
_MOST_WARNINGS = 50


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    version: int = 1
    machines: tuple[Machine, ...] = ()


class Ledger:
    """Keeps `machines.json`, written whole, and `events.jsonl`, appended to, in a directory of its own."""

    def __init__(self, state_dir: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file = state_dir / "machines.json"
        self._journal = Journal(state_dir / "events.jsonl")
        self.clock = clock
        self._lock = threading.RLock()
        self._machines: dict[str, Machine] = {}
        self._warnings: list[str] = []
        self._listeners: list[Callable[[Happening], None]] = []

    def load(self) -> None:
        """Read what an earlier run kept; raises EdgeLinuxError."""
        try:
            kept = _Kept.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            raise EdgeLinuxError(
                f"cannot read {self._file}, which says which machines are installed: "
                f"{error.strerror if isinstance(error, OSError) else 'it is damaged'}",
                hint="without it every machine that boots from the network is installed anew: "
                "mend it, or remove it if that is meant",
            ) from error
        with self._lock:
            self._machines = {machine.mac: machine for machine in kept.machines}

    def dhcp(self, mac: str, address: str = "") -> None:
        """A machine asked for an address, or was given one."""
        event = f"was given {address}" if address else "asked for an address"
        self._tell(mac, "dhcp", lambda m: transitions.heard(m, self.clock(), event, address))

    def fetched(self, address: str, file: str) -> None:
        """Somebody fetched a boot file, by TFTP or HTTP; of note when a machine is known at the address."""
        machine = self.at(address)
        if machine is None:
            return
        if file.rpartition("/")[2] == KERNEL.rpartition("/")[2]:
            self._tell(machine.mac, "kernel", lambda m: transitions.kernel(m, self.clock()))
        else:
            step = lambda m: transitions.loading(m, self.clock(), file, address)  # noqa: E731
            self._tell(machine.mac, "fetched", step)

    def warn(self, text: str, mac: str = "") -> None:
        """Something that whoever looks after the machines should know: of one machine, or of the network."""
        if normalise_mac(mac):
            self._tell(mac, "warning", lambda m: transitions.warned(m, self.clock(), text))
            return
        with self._lock:
            # Once: it is said again and again by what happens again and again.
            if text not in self._warnings:
                self._warnings = [*self._warnings, text][-_MOST_WARNINGS:]
                self._record(Happening(self.clock(), "", "warning", text))

    def system(self, address: str, percent: int, event: str) -> Machine | None:
        """Somebody begins or ends to fetch the system; gives the machine, if it is known."""
        machine = self.at(address)
        if machine is not None:
            step = lambda m: transitions.medium(m, self.clock(), percent, event)  # noqa: E731
            self._tell(machine.mac, "medium", step)
        return machine

    def progress(self, mac: str, percent: int) -> None:
        """A machine has so much of the system. Not kept: a restart of the server ends the transfer."""
        with self._lock:
            machine = self._machines.get(mac)
            if machine is not None and machine.percent != percent:
                self._machines[mac] = transitions.medium(machine, self.clock(), percent, "fetches the system")

    def change(
        self, mac: str, event: str, step: Callable[[Machine, float], tuple[Machine, Answer]]
    ) -> Answer:
        """Take a machine one step on, with nothing in between, and give back what the step gives.

        It is on disk when this returns. Raises EdgeLinuxError when it cannot be; then all is as before.
        """
        with self._lock:
            now = self.clock()
            old = self._machines.get(mac)
            if old is None and len(self._machines) >= _MOST:
                raise EdgeLinuxError(f"more than {_MOST} machines: {mac} is not served")
            new, answer = step(old or Machine(mac=mac, since=now, last=now), now)
            self._machines[mac] = new
            try:
                self._write()
            except EdgeLinuxError:
                if old is None:
                    del self._machines[mac]
                else:
                    self._machines[mac] = old
                raise
            details = {"state": str(new.state), "address": new.address, "warning": new.warning}
            if new.token is not None:
                details["token_sha256"] = new.token.hash
            if new.kickstart:
                details["kickstart"] = new.kickstart
            self._record(Happening(now, mac, event, new.event, {**details}))
        return answer

    def at(self, address: str) -> Machine | None:
        """The machine that was heard of last at an address."""
        there = [machine for machine in self.machines() if machine.address == address]
        return max(there, key=lambda machine: machine.last, default=None)

    def holder(self, token_hash: str) -> Machine | None:
        """The machine that was given a token."""
        return next((m for m in self.machines() if m.token is not None and m.token.hash == token_hash), None)

    def get(self, mac: str) -> Machine | None:
        """A machine by its MAC."""
        with self._lock:
            return self._machines.get(mac)

    def machines(self) -> tuple[Machine, ...]:
        """All machines, the one first that was heard of first."""
        with self._lock:
            return tuple(self._machines.values())

    def warnings(self) -> tuple[str, ...]:
        """The network's warnings, oldest first."""
        with self._lock:
            return tuple(self._warnings)

    def listen(self, listener: Callable[[Happening], None]) -> None:
        """Have a function told everything that happens, from whatever thread it happens in."""
        self._listeners.append(listener)

    def _tell(self, mac: str, event: str, step: Callable[[Machine], Machine]) -> None:
        """Take note of what somebody outside of the server saw; what cannot be kept is no reason to stop."""
        known = normalise_mac(mac)
        if not known:
            log.info("%s: %r is no MAC address", event, mac)
            return
        try:
            self.change(known, event, lambda machine, _now: (step(machine), None))
        except EdgeLinuxError as error:
            log.warning("%s", error)

    def _write(self) -> None:
        kept = _Kept(machines=tuple(self._machines.values()))
        write_whole(self._file, kept.model_dump_json(indent=1) + "\n", 0o600)

    def _record(self, happening: Happening) -> None:
        try:
            self._journal.append(happening)
        except EdgeLinuxError as error:
            log.warning("%s", error)
        for listener in self._listeners:
            listener(happening)
