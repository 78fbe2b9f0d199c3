"""What happens to machines, told as it happens, also across restarts of libvirt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.kvm import live

__all__ = ["Callback", "Events"]

log = logging.getLogger("edgelinux.kvm")

Callback = Callable[[str, State], None]

# virDomainEventType of libvirt-domain.h, as far as the state is another one then.
_EVENTS = {
    2: State.RUNNING,  # started
    3: State.PAUSED,
    4: State.RUNNING,  # resumed
    5: State.STOPPED,
    7: State.PAUSED,  # suspended by the guest itself
}


class Events:
    """Tells a callback of all domains' states, whosever they are, on the loop's thread.

    An event is a hint: what counts is `states()`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callback) -> None:
        self.loop = loop
        self._callback = callback
        self._told: dict[str, State] = {}

    def attach(self, connection: Any, lost: Callable[[], None]) -> None:
        """Listen on a new connection, and tell what happened while there was none.

        `lost` is called when the connection breaks. Raises libvirtError.
        """
        import libvirt

        connection.registerCloseCallback(lambda *_: lost(), None)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._event, None)
        flags = (
            libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
            | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        )
        now = {}
        for domain, figures in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, flags):
            state = live.state(figures.get("state.state"))
            if state is not None:
                now[domain.name()] = state
        self.loop.call_soon_threadsafe(self._catch_up, now)

    def _catch_up(self, now: dict[str, State]) -> None:
        gone = {name: State.STOPPED for name in self._told if name not in now}
        for name, state in {**gone, **now}.items():
            self._tell(name, state)

    def _event(self, _connection: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        state = _EVENTS.get(event)
        if state is not None:
            self.loop.call_soon_threadsafe(self._tell, domain.name(), state)

    def _tell(self, name: str, state: State) -> None:
        if self._told.get(name, State.STOPPED) is state:
            return  # starting is an event, and so is the first instruction
        if state is State.STOPPED:
            self._told.pop(name, None)
        else:
            self._told[name] = state
        try:
            self._callback(name, state)
        except Exception:
            log.exception("cannot tell that %s is %s", name, state)
