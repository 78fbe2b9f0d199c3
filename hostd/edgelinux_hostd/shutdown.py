"""Stops all antlets in order, cleanly where they can: run at shutdown, by edgelinux-antlets.service.

It speaks to the runtimes itself, so that it works whether hostd runs or not.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.order import stop_order
from edgelinux_hostd.runtime.base import Runtime, State

__all__ = ["main", "stop_all"]

# Seconds for each group to shut down by itself; systemd gives all of it TimeoutStopSec.
_PATIENCE = 60.0


def stop_all(
    antlets: Sequence[Antlet], runtimes: Mapping[str, Runtime], patience: float = _PATIENCE
) -> tuple[str, ...]:
    """Stop antlets group by group; returns a line for each that had to be ended by force, or could not be."""

    def stop(antlet: Antlet) -> str:
        runtime = runtimes[antlet.kind]
        try:
            if antlet.state == State.PAUSED:
                runtime.resume(antlet.name)
            if runtime.stop(antlet.name, patience):
                return ""
            runtime.kill(antlet.name)
        except EdgeLinuxError as error:
            return f"{antlet.name}: {error}"
        return f"{antlet.name}: did not shut down within {patience:g} s, ended by force"

    said: list[str] = []
    for group in stop_order(antlets):
        with ThreadPoolExecutor(max_workers=len(group)) as pool:
            said += [line for line in pool.map(stop, group) if line]
    return tuple(said)


def main() -> int:
    """Stop all antlets of this host."""
    from edgelinux_hostd.wiring import inventory, runtimes

    drivers = runtimes()
    try:
        said = stop_all(inventory(drivers).antlets(), drivers)
    except EdgeLinuxError as error:
        print(f"edgelinux-antlets: {error}", file=sys.stderr)
        return 1
    for line in said:
        print(f"edgelinux-antlets: {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
