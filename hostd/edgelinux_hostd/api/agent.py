"""What the HTTP interface asks of the agent: reading is immediate, everything else is a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from edgelinux_hostd.antlets.records import Antlet, Dependency, Snapshot, Template
from edgelinux_hostd.jobs.model import Job
from edgelinux_hostd.operations.params import Params
from edgelinux_hostd.runtime.base import Stats

__all__ = ["Agent"]


class Agent(Protocol):
    """The agent. All methods block and are called from worker threads; all raise EdgeLinuxError."""

    def antlets(self) -> Sequence[Antlet]:
        """List all antlets of all pools, sorted by name."""

    def antlet(self, name: str) -> Antlet:
        """Describe one antlet; raises NotFoundError."""

    def snapshots(self, name: str) -> Sequence[Snapshot]:
        """List an antlet's snapshots, oldest first."""

    def dependencies(self, name: str) -> Sequence[Dependency]:
        """List what depends on an antlet: its snapshots, and the clones of them."""

    def stats(self, name: str) -> Stats:
        """Read what an antlet uses; zeros when it does not run."""

    def console(self, name: str) -> str:
        """Open a running antlet's console; gives the path of a Unix socket, good for one connection."""

    def templates(self) -> Sequence[Template]:
        """List the installed templates of all pools, sorted by name."""

    def template(self, name: str) -> Template:
        """Describe one template; raises NotFoundError."""

    def pools(self) -> Sequence[Mapping[str, Any]]:
        """Describe the pools: name, guid, health, size, allocated, free, capacity, mountpoint, warnings."""

    def recent_pools(self) -> Sequence[Mapping[str, Any]]:
        """Describe the pools likewise, with sizes of at most a minute ago."""

    def pool(self, name: str) -> Mapping[str, Any]:
        """Describe one pool, with its vdevs, scrub and errors; raises NotFoundError."""

    def free_disks(self) -> Sequence[Mapping[str, Any]]:
        """List the disks that nothing uses: path, size, model, serial."""

    def network(self) -> Mapping[str, Any]:
        """Describe the antlets' network: base-ip, gateway, subnet, bridge, active, leases."""

    def host(self) -> Mapping[str, Any]:
        """Describe this host: version, CPUs, memory, acceleration (how KVM antlets run) and the like."""

    def submit(self, kind: str, params: Params) -> Job:
        """Check the parameters against what is there and submit a job; raises InvalidError and its kin."""

    def jobs(self, *, active: bool = False) -> Sequence[Job]:
        """List jobs, newest first."""

    def job(self, job: str) -> Job:
        """Describe one job; raises NotFoundError."""

    def job_log(self, job: str) -> Sequence[str]:
        """Give the lines of a job's log."""

    def cancel(self, job: str) -> Job:
        """Ask a job to stop and undo what it did; raises RefusedError when it is past that."""

    def retry(self, job: str) -> Job:
        """Go on with a job that failed with something left; raises RefusedError when it is not one."""

    def wait(self, job: str, timeout: float) -> Job:
        """Wait until a job is final, at most `timeout` seconds."""

    def events(self, last: int | None = None) -> Iterator[Mapping[str, Any]]:
        """Give events as they happen, from after the one numbered `last` as far as they are still kept.

        Each has id (counts up), time, type ("job", "antlet", "pool") and what belongs to it. An empty mapping
        comes after 15 seconds of silence, so that a reader notices when nobody listens any more.
        """
