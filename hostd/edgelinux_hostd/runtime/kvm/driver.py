"""The driver of machines: a `Runtime` over libvirt."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import BusyError, EdgeLinuxError, NotFoundError
from edgelinux_hostd.labels import label_machine
from edgelinux_hostd.runtime.base import Launch, State, Stats
from edgelinux_hostd.runtime.kvm import devices, live, lookup
from edgelinux_hostd.runtime.kvm.connection import Connection
from edgelinux_hostd.runtime.kvm.domain import Facts, finish
from edgelinux_hostd.runtime.kvm.events import Callback

__all__ = ["KvmRuntime"]

log = logging.getLogger("edgelinux.kvm")

# Where libvirt keeps the AppArmor profiles of domains, on bases that have it.
_PROFILES = Path("/etc/apparmor.d/libvirt")

_POLL = 0.25
# A guest that has not come far enough hears nothing of its power button, so it is pressed again.
_PRESS_AGAIN = 15.0


class KvmRuntime:
    """Runs machines; `emulated()` says that this host has no KVM and runs them by emulation."""

    kind = "kvm"

    def __init__(self, connection: Connection | None = None, profiles: Path = _PROFILES) -> None:
        self.connection = connection or Connection()
        self.profiles = profiles
        # Which domains are ours, by uuid and libvirt's id, which no other run of it has.
        self._known: dict[tuple[str, int], bool] = {}

    def offers(self) -> tuple[str, str]:
        """Give what libvirt and QEMU offer here to machines, as `templates.offers.parse_offers` takes it."""

        def work(connection: Any) -> tuple[str, str]:
            host = connection.getCapabilities()
            kind = "kvm" if live.has_kvm(host) else "qemu"
            return host, connection.getDomainCapabilities(None, None, None, kind, 0)

        return self.connection.call("cannot ask libvirt what it offers", work)

    def emulated(self) -> bool:
        """True when machines run by emulation, slowly, since libvirt offers no KVM."""
        return self.connection.call(
            "cannot ask libvirt what it offers",
            lambda connection: not live.has_kvm(connection.getCapabilities()),
        )

    def register_events(self, loop: asyncio.AbstractEventLoop, callback: Callback) -> None:
        """Call `callback(name, state)` on the loop's thread whenever a domain's state changes.

        All domains', whosever they are, beginning with those that run; across restarts of libvirt.
        """
        self.connection.register_events(loop, callback)

    def states(self) -> Mapping[str, State]:
        """Map the antlets that run or are paused to their states: one call, and one for each new domain."""
        return self.connection.call("cannot list machines", self._states)

    def _states(self, connection: Any) -> dict[str, State]:
        import libvirt

        flags = (
            libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
            | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        )
        found: dict[str, State] = {}
        seen: dict[tuple[str, int], bool] = {}
        for domain, figures in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, flags):
            key = (domain.UUIDString(), domain.ID())
            state = live.state(figures.get("state.state"))
            try:
                seen[key] = self._known[key] if key in self._known else lookup.is_ours(domain)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    continue  # it ended meanwhile
                raise
            if seen[key] and state is not None:
                found[domain.name()] = state
        self._known = seen
        return found

    def start(self, launch: Launch) -> None:
        """Start an antlet as a transient domain, unless it is there already."""
        name = launch.spec.name

        def work(connection: Any) -> None:
            there = lookup.find(connection, name)
            if there is not None and live.state(there.state()[0]) is not None:
                return
            facts = Facts(
                kvm=live.has_kvm(connection.getCapabilities()),
                cpus=os.cpu_count() or 1,
                seed=(launch.directory / devices.SEED).is_file(),
            )
            if not facts.kvm:
                log.warning("%s runs by emulation, which is slow: this host offers no KVM", name)
            label_machine(launch.directory)
            connection.createXML(finish(launch, facts), 0)

        self.connection.call(f"cannot start {name}", work)

    def stop(self, name: str, timeout: float) -> bool:
        """Press the power button, or ask the guest's agent, and wait; true when the antlet is gone."""
        started = time.monotonic()
        press = started
        uuid = ""
        while True:
            now = time.monotonic()
            found = self._press(name, pressing=now >= press)
            if not found:
                self._forget(uuid)
                return True
            uuid = found
            if now >= press:
                press = now + _PRESS_AGAIN
            left = started + timeout - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_POLL, left))

    def _press(self, name: str, *, pressing: bool) -> str:
        """Give the uuid of an antlet that is still there, "" if it is gone; presses its button if told to."""
        import libvirt

        def work(connection: Any) -> str:
            domain = lookup.find(connection, name)
            if domain is None:
                return ""
            state = live.state(domain.state()[0])
            if pressing and state is not None:
                if state is State.PAUSED:
                    domain.resume()  # a frozen guest hears nothing
                domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_DEFAULT)
            return str(domain.UUIDString())

        try:
            return self.connection.call(f"cannot stop {name}", work)
        except NotFoundError:
            return ""  # it went between two calls

    def kill(self, name: str) -> None:
        """End an antlet at once; nothing of it is left in libvirt, since its domain is transient."""

        def work(connection: Any) -> str:
            domain = lookup.find(connection, name)
            if domain is None:
                return ""
            domain.destroy()
            return str(domain.UUIDString())

        try:
            self._forget(self.connection.call(f"cannot end {name}", work))
        except NotFoundError:
            return  # it ended by itself meanwhile

    def _forget(self, uuid: str) -> None:
        # libvirt writes a profile for each domain and leaves it behind, for changes that nobody makes here.
        if uuid:
            (self.profiles / f"libvirt-{uuid}").unlink(missing_ok=True)

    def pause(self, name: str) -> None:
        """Freeze a running antlet."""

        def work(connection: Any) -> None:
            domain = lookup.need(connection, name)
            if live.state(domain.state()[0]) is not State.PAUSED:
                domain.suspend()

        self.connection.call(f"cannot pause {name}", work)

    def resume(self, name: str) -> None:
        """Let a paused antlet go on."""

        def work(connection: Any) -> None:
            domain = lookup.need(connection, name)
            if live.state(domain.state()[0]) is State.PAUSED:
                domain.resume()

        self.connection.call(f"cannot resume {name}", work)

    def apply(self, launch: Launch) -> tuple[str, ...]:
        """Change memory and CPUs of a running antlet; names what waits: "ram", "cpu", "nics".

        Memory follows down, and up to what the antlet was started with; CPUs up to the host's.
        """
        name = launch.spec.name
        return self.connection.call(
            f"cannot change {name}", lambda connection: live.apply(lookup.need(connection, name), launch.spec)
        )

    def stats(self, name: str) -> Stats:
        """Read what a running antlet uses. `memory` is what its process holds of the host's."""
        import libvirt

        wanted = (
            libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
            | libvirt.VIR_DOMAIN_STATS_BALLOON
            | libvirt.VIR_DOMAIN_STATS_BLOCK
            | libvirt.VIR_DOMAIN_STATS_INTERFACE
        )
        flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT

        def work(connection: Any) -> Stats:
            found = connection.domainListGetStats([lookup.need(connection, name)], wanted, flags)
            return live.stats(found[0][1] if found else {})

        return self.connection.call(f"cannot read the figures of {name}", work)

    def console(self, name: str) -> int:
        """Open the serial console of a running antlet: the pseudo-terminal that QEMU made for it.

        Raises BusyError when it is open already.
        """
        path = self.connection.call(
            f"cannot open the console of {name}",
            lambda connection: lookup.terminal(lookup.need(connection, name)),
        )
        if not path:
            raise EdgeLinuxError(f"{name} has no serial console", hint="stop and start it once")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise EdgeLinuxError(f"cannot open the console of {name}, {path}: {error.strerror}") from error
        try:
            # Two readers would each get a part of what the guest says.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise BusyError(f"somebody else is at the console of {name}") from None
        return descriptor
