"""A hostd over the host in memory: it can be killed at any point of any job, and started again."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.agent import HostAgent, Views
from edgelinux_hostd.jobs.database import Database
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.faults import Faults
from edgelinux_hostd.jobs.model import Abandoned, Job
from edgelinux_hostd.jobs.store import JobStore
from edgelinux_hostd.operations.kinds import operations
from edgelinux_hostd.operations.params import Params

from tests.unit.hostd.world import World


class Killed(Abandoned):
    """What SIGKILL is to a process: nothing runs after it."""


def _kill() -> None:
    raise Killed


class Hostd:
    """One life after the other over the same world and the same database."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.faults = directory / "faults"
        self.faults.mkdir(mode=0o700)
        self.start()

    def start(self) -> None:
        services = self.world.services()
        reserved: set[int] = set()
        self.operations = operations(services, reserved)
        bus = EventBus()
        self.engine = JobEngine(
            JobStore(Database(self.directory / "hostd.db")),
            [operation.kind for operation in self.operations.values()],
            bus,
            workers=0,
            faults=Faults(self.faults, owner=self.directory.stat().st_uid, kill=_kill),
            delays=(),
        )
        views = Views(
            templates=lambda: list(self.world.templates.values()),
            pools=lambda: [],
            recent_pools=lambda: [],
            pool=lambda name: {},
            free_disks=lambda: [],
            network=lambda: {},
            host=lambda: {},
            serve_console=lambda descriptor: "",
        )
        self.agent = HostAgent(services, self.engine, bus, self.operations, views, reserved)
        self.engine.recover()

    def run(self, kind: str, params: Params) -> Job:
        """Submit a job and run it to its end, over as many lives as it takes."""
        return self.finish(self.agent.submit(kind, params).id)

    def finish(self, job: str) -> Job:
        """Run what is queued; a kill is followed by a start."""
        for _ in range(10):
            try:
                while self.engine.work():
                    pass
            except Killed:
                self.start()
                continue
            break
        return self.agent.job(job)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "pools")


@pytest.fixture
def hostd(world: World, tmp_path: Path) -> Hostd:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return Hostd(world, directory)
