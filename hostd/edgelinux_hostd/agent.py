"""The agent: what the HTTP interface speaks to, put together from inventory, jobs and operations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgelinux_hostd.antlets.records import Antlet, Dependency, Snapshot, Template
from edgelinux_hostd.errors import InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import Params
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.runtime.base import State, Stats

__all__ = ["HostAgent", "Views"]


@dataclass(frozen=True)
class Views:
    """What is shown without being anybody's antlet: templates, pools, disks, network, host, consoles."""

    templates: Callable[[], Sequence[Template]]
    pools: Callable[[], Sequence[Mapping[str, Any]]]
    recent_pools: Callable[[], Sequence[Mapping[str, Any]]]
    pool: Callable[[str], Mapping[str, Any]]
    free_disks: Callable[[], Sequence[Mapping[str, Any]]]
    network: Callable[[], Mapping[str, Any]]
    host: Callable[[], Mapping[str, Any]]
    serve_console: Callable[[int], str]


class HostAgent:
    """Implements `api.agent.Agent`.

    `reserved` is the set that the operations look at for numbers which unfinished jobs will give away.
    """

    def __init__(
        self,
        services: Services,
        engine: JobEngine,
        bus: EventBus,
        operations: Mapping[str, Operation],
        views: Views,
        reserved: set[int],
    ) -> None:
        self._services = services
        self._engine = engine
        self._bus = bus
        self._operations = operations
        self._views = views
        self._reserved = reserved
        # One at a time: between what is checked and the locks that a job takes, nothing may come.
        self._submitting = threading.Lock()

    def antlets(self) -> Sequence[Antlet]:
        """List all antlets, sorted by name."""
        return self._services.inventory.antlets(sizes=True)

    def antlet(self, name: str) -> Antlet:
        """Describe one antlet; raises NotFoundError."""
        return self._services.inventory.antlet(name, sizes=True)

    def snapshots(self, name: str) -> Sequence[Snapshot]:
        """List an antlet's snapshots, oldest first."""
        return self._services.inventory.snapshots(name)

    def dependencies(self, name: str) -> Sequence[Dependency]:
        """List what depends on an antlet."""
        return self._services.inventory.dependencies(name)

    def stats(self, name: str) -> Stats:
        """Read what an antlet uses; zeros when it does not run."""
        antlet = self.antlet(name)
        if antlet.state not in (State.RUNNING, State.PAUSED):
            return Stats()
        return self._services.runtime(antlet).stats(name)

    def console(self, name: str) -> str:
        """Open a running antlet's console; gives the path of a Unix socket."""
        antlet = self.antlet(name)
        if antlet.state not in (State.RUNNING, State.PAUSED):
            raise RefusedError(f"antlet {name} does not run", hint=f"`antlet start {name}`")
        return self._views.serve_console(self._services.runtime(antlet).console(name))

    def templates(self) -> Sequence[Template]:
        """List the installed templates, sorted by name."""
        return self._views.templates()

    def template(self, name: str) -> Template:
        """Describe one template; raises NotFoundError."""
        return self._services.template(name, None, None)[0]

    def pools(self) -> Sequence[Mapping[str, Any]]:
        """Describe the imported pools."""
        return self._views.pools()

    def recent_pools(self) -> Sequence[Mapping[str, Any]]:
        """Describe the imported pools, with sizes of at most a minute ago."""
        return self._views.recent_pools()

    def pool(self, name: str) -> Mapping[str, Any]:
        """Describe one pool; raises NotFoundError."""
        return self._views.pool(name)

    def free_disks(self) -> Sequence[Mapping[str, Any]]:
        """List the disks that nothing uses."""
        return self._views.free_disks()

    def network(self) -> Mapping[str, Any]:
        """Describe the antlets' network."""
        return self._views.network()

    def host(self) -> Mapping[str, Any]:
        """Describe the host."""
        return self._views.host()

    def submit(self, kind: str, params: Params) -> Job:
        """Check the parameters against what is there and submit a job."""
        operation = self._operations.get(kind)
        if operation is None:
            raise NotFoundError(
                f"there is no kind of job {kind!r}", hint="/openapi.json has those that there are"
            )
        if not isinstance(params, operation.kind.params):
            raise InvalidError(f"{kind} takes {operation.kind.params.__name__}")
        with self._submitting:
            self._reserved.clear()
            self._reserved.update(_numbers(self._engine.jobs(active=True)))
            return self._engine.submit(kind, operation.check(params))

    def jobs(self, *, active: bool = False) -> Sequence[Job]:
        """List jobs, newest first."""
        return self._engine.jobs(active=active)

    def job(self, job: str) -> Job:
        """Describe one job; raises NotFoundError."""
        return self._engine.job(job)

    def job_log(self, job: str) -> Sequence[str]:
        """Give the lines of a job's log."""
        return self._engine.log(job)

    def cancel(self, job: str) -> Job:
        """Ask a job to stop and undo what it did."""
        return self._engine.cancel(job)

    def retry(self, job: str) -> Job:
        """Go on with a job that failed with something left."""
        return self._engine.retry(job)

    def wait(self, job: str, timeout: float) -> Job:
        """Wait until a job is final."""
        return self._engine.wait(job, timeout)

    def events(self, last: int | None = None) -> Iterator[Mapping[str, Any]]:
        """Give events as they happen."""
        return self._bus.subscribe(last)


def _numbers(jobs: Sequence[Job]) -> Iterator[int]:
    for job in jobs:
        number = job.params.get("number")
        if isinstance(number, int):
            yield number
