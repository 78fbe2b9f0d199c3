"""What hostd sees to when it starts, beside serving: filters, the network, names, what was left over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.network import defined
from edgelinux_hostd.operations.services import Services
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime
from edgelinux_hostd.storage.base import JOB

__all__ = ["NetworkGate", "bring_up"]

log = logging.getLogger("edgelinux.bringup")


class NetworkGate:
    """Where starts wait until the antlets' network is up."""

    def __init__(self, patience: float = 120.0) -> None:
        self._patience = patience
        self._settled = threading.Event()
        self._problem = "it is still starting"

    def open(self) -> None:
        """The network is up."""
        self._problem = ""
        self._settled.set()

    def fail(self, problem: str) -> None:
        """The network cannot be brought up."""
        self._problem = problem
        self._settled.set()

    def wait(self) -> None:
        """Return when the network is up; raises EdgeLinuxError when it is not, `patience` seconds at most."""
        self._settled.wait(self._patience)
        if self._problem:
            raise EdgeLinuxError(
                f"the antlets' network is not up: {self._problem}",
                hint="`antlet net show` says how it stands, `systemctl restart hostd` tries again",
            )


def bring_up(services: Services, lxc: LxcRuntime, gate: NetworkGate, jobs: Collection[str]) -> None:
    """Bring the host in line. Each part by itself: one that fails is logged and keeps no other from it.

    The filters come before the network, so that no antlet is ever on it without them. `jobs` are the ids of
    all jobs that are known.
    """
    try:
        services.publish_names()
        state = defined.ensure(services.base_ip())
        for line in state.drift:
            log.warning("the antlets' network: %s (as it was when it started; needs a restart of it)", line)
        gate.open()
    except EdgeLinuxError as error:
        log.error("the antlets' network: %s", error)
        gate.fail(str(error))
    _say_what_is_half_made(services, jobs)
    try:
        for name in lxc.leftovers():
            log.warning("clearing what was left of container %s", name)
            lxc.clear(name)
    except EdgeLinuxError as error:
        log.error("containers: %s", error)


def _say_what_is_half_made(services: Services, known: Collection[str]) -> None:
    """Name what a job of another host, or of a lost database, left: nothing of it is destroyed unasked."""
    try:
        for pool in services.storage.pools():
            for info in services.storage.datasets(pool):
                job = info.local.get(JOB)
                if job is not None and job not in known:
                    log.warning(
                        "%s was left half-made by job %s, which this host does not know: look into it, then "
                        "`zfs inherit %s %s` or `zfs destroy` it",
                        info.name,
                        job,
                        JOB,
                        info.name,
                    )
    except EdgeLinuxError as error:
        log.error("half-made antlets: %s", error)
