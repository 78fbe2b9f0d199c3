"""hostd: started by hostd.service, serves until it is told to stop. Antlets go on without it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from edgelinux_hostd.api.app import create_app
from edgelinux_hostd.api.serve import serve
from edgelinux_hostd.autostart import autostart
from edgelinux_hostd.bringup import NetworkGate, bring_up
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.settings import Settings
from edgelinux_hostd.jobs.store import JobStore
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.kvm.driver import KvmRuntime
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime
from edgelinux_hostd.storage.watched import WatchedPools
from edgelinux_hostd.wiring import build_agent, build_services

__all__ = ["main"]

log = logging.getLogger("edgelinux.hostd")

STATE = Path("/var/lib/edgelinux")
RUN = Path("/run/edgelinux")


def main() -> int:
    """Serve; returns the exit code."""
    # The journal has the time and the unit's name.
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        _serve()
    except EdgeLinuxError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def _serve() -> None:
    database = Database(STATE / "hostd.db")
    lxc, kvm = LxcRuntime(), KvmRuntime()
    gate = NetworkGate()
    bus = EventBus()
    pools = WatchedPools(bus.publish)
    pools.events.start()
    services = build_services(Settings(database), pools, {"lxc": lxc, "kvm": kvm}, kvm, gate.wait)
    agent, engine = build_agent(services, pools, JobStore(database), bus, RUN / "console")
    engine.recover()

    def settle() -> None:
        bring_up(services, lxc, gate, {job.id for job in engine.jobs()})
        started = autostart(agent)
        if started:
            log.info("started with the host: %s", ", ".join(started))

    def tell(name: str, state: State) -> None:
        bus.publish("antlet", antlet=name, state=str(state))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for driver in (kvm, lxc):
            driver.register_events(asyncio.get_running_loop(), tell)
        threading.Thread(target=settle, name="settle", daemon=True).start()
        yield

    try:
        serve(create_app(agent, lifespan=lifespan))
    finally:
        engine.close()
        pools.events.stop()


if __name__ == "__main__":
    sys.exit(main())
