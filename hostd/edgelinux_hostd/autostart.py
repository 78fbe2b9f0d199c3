"""Starts the antlets that start with the host, one after the other, once after each boot."""

from __future__ import annotations

import logging
from pathlib import Path

from edgelinux_hostd.api.agent import Agent
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.model import JobState
from edgelinux_hostd.operations.params import AntletAction
from edgelinux_hostd.order import start_order

__all__ = ["MARKER", "autostart"]

log = logging.getLogger("edgelinux.autostart")

# In /run, so that it is gone after a boot and still there when hostd is restarted.
MARKER = Path("/run/edgelinux/autostarted")

# Seconds that one start may take before the next antlet's turn comes.
_PATIENCE = 180.0


def autostart(agent: Agent, marker: Path = MARKER) -> tuple[str, ...]:
    """Start what shall start; returns the names of those that did. One that fails keeps no other from it."""
    if marker.exists():
        return ()
    started: list[str] = []
    for name in start_order(agent.antlets()):
        try:
            job = agent.submit("start-antlet", AntletAction(name=name))
            job = agent.wait(job.id, _PATIENCE)
        except EdgeLinuxError as error:
            log.warning("%s does not start with the host: %s", name, error)
            continue
        if job.state == JobState.DONE:
            started.append(name)
        else:
            log.warning("%s does not start with the host: %s", name, job.error or job.state)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return tuple(started)
