"""What an antlet is told to do, and what can be read of a running one."""

from __future__ import annotations

import contextlib
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.api.answers import done
from edgelinux_hostd.api.objects.base import Action, Input, Wire
from edgelinux_hostd.api.work import Work
from edgelinux_hostd.errors import NotFoundError
from edgelinux_hostd.operations.params import AntletAction, StopAntlet
from edgelinux_hostd.runtime.base import State, Stats

__all__ = ["routes"]

# antMan's word for an action: the kind of job, and what is said when it is done.
_ACTIONS = {
    "start": ("start-antlet", "started"),
    "stop": ("stop-antlet", "stopped"),
    "force-stop": ("kill-antlet", "stopped by force"),
    "pause": ("pause-antlet", "paused"),
    "resume": ("resume-antlet", "resumed"),
    "reboot": ("reboot-antlet", "rebooted"),
}
_WITH_TIMEOUT = ("stop", "reboot")

ActionName = Literal["start", "stop", "force-stop", "pause", "resume", "reboot"]


class StateObject(Wire):
    """An antlet's state: Running, Paused, Stopped or Damaged."""

    state: str


class StateAction(Input):
    """What the antlet shall do."""

    action: ActionName


class StopOptions(Input):
    """How long an antlet may take to shut down, in seconds, before it is stopped by force."""

    timeout: float = Field(default=60, ge=0, le=3600)


class StatsObject(Wire):
    """What an antlet uses: CPU time in seconds since it started, sizes in bytes, counters since its start."""

    name: str
    state: str
    cpu_seconds: float
    memory: int
    memory_limit: int
    disk_read: int
    disk_written: int
    net_received: int
    net_sent: int
    processes: int


class ConsoleObject(Wire):
    """The path of a Unix socket with the antlet's console, good for one connection."""

    socket: str


def routes(agent: Agent, work: Work) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/api", tags=["antlets"])

    async def act(request: Request, name: str, action: str, timeout: float | None = None) -> Response:
        kind, said = _ACTIONS[action]
        options = {} if timeout is None else {"timeout": timeout}
        params = StopAntlet(name=name, **options) if action in _WITH_TIMEOUT else AntletAction(name=name)
        return await work(request, kind, params, lambda job: done(f"antlet {name} {said}"))

    @router.post("/antlets/{name}/stop", response_model=Action)
    async def stop(request: Request, name: str, body: StopOptions | None = None) -> Response:
        """Shut an antlet down, by force after `timeout` seconds."""
        return await act(request, name, "stop", body.timeout if body else None)

    @router.post("/antlets/{name}/reboot", response_model=Action)
    async def reboot(request: Request, name: str, body: StopOptions | None = None) -> Response:
        """Shut an antlet down as `stop` does, and start it."""
        return await act(request, name, "reboot", body.timeout if body else None)

    @router.post("/antlets/{name}/start", response_model=Action)
    async def start(request: Request, name: str) -> Response:
        """Start an antlet."""
        return await act(request, name, "start")

    @router.post("/antlets/{name}/force-stop", response_model=Action)
    async def force_stop(request: Request, name: str) -> Response:
        """Stop an antlet at once, as if its power were cut."""
        return await act(request, name, "force-stop")

    @router.post("/antlets/{name}/pause", response_model=Action)
    async def pause(request: Request, name: str) -> Response:
        """Freeze an antlet."""
        return await act(request, name, "pause")

    @router.post("/antlets/{name}/resume", response_model=Action)
    async def resume(request: Request, name: str) -> Response:
        """Let a paused antlet go on."""
        return await act(request, name, "resume")

    @router.get("/antlets/{name}/state")
    def state(name: str) -> StateObject:
        """Give an antlet's state."""
        return StateObject(state=str(agent.antlet(name).state))

    @router.post("/antlets/{name}/state", response_model=Action)
    async def change_state(request: Request, name: str, body: StateAction) -> Response:
        """Tell an antlet what to do."""
        return await act(request, name, body.action)

    @router.get("/antlets/{name}/stats")
    def antlet_stats(name: str) -> StatsObject:
        """Read what an antlet uses."""
        antlet = agent.antlet(name)
        return _stats(name, antlet.state, agent.stats(name))

    @router.get("/stats")
    def stats() -> list[StatsObject]:
        """Read what all antlets that run use."""
        found = []
        for one in agent.antlets():
            # One may be deleted meanwhile.
            with contextlib.suppress(NotFoundError):
                if one.state in (State.RUNNING, State.PAUSED):
                    found.append(_stats(one.name, one.state, agent.stats(one.name)))
        return found

    @router.post("/antlets/{name}/console")
    def console(name: str) -> ConsoleObject:
        """Open a running antlet's console."""
        return ConsoleObject(socket=agent.console(name))

    return router


def _stats(name: str, state: State, stats: Stats) -> StatsObject:
    return StatsObject(
        name=name,
        state=str(state),
        cpu_seconds=stats.cpu_seconds,
        memory=stats.memory,
        memory_limit=stats.memory_limit,
        disk_read=stats.disk_read,
        disk_written=stats.disk_written,
        net_received=stats.net_received,
        net_sent=stats.net_sent,
        processes=stats.processes,
    )
