"""Every crash of every kind of job, generated from the job definitions, and how they are dealt out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

from tests.e2e.crash_scenarios import SCENARIOS, Scenario
from tests.e2e.crashes import kinds, points_of

__all__ = ["CRASHES", "SERIES", "Crash", "deal_crashes", "without_scenario"]

SERIES = "crashes"


@dataclass(frozen=True)
class Crash:
    """hostd killed at one point of one scenario's job."""

    scenario: Scenario
    point: str

    @property
    def name(self) -> str:
        """Its name on the command line: crashes/SCENARIO/STEP/POINT."""
        return f"{SERIES}/{self.scenario.name}/{self.point.partition('/')[2]}"


CRASHES: tuple[Crash, ...] = tuple(
    Crash(scenario, point) for scenario in SCENARIOS for point in points_of(scenario)
)


def without_scenario() -> set[str]:
    """Name the kinds of jobs that are tried on nothing: there must be none."""
    return set(kinds()) - {one.kind for one in SCENARIOS}


def deal_crashes(shard: tuple[int, int], named: Iterable[str] = ()) -> tuple[Crash, ...]:
    """Return the crashes of a shard, or those named: `crashes`, crashes/SCENARIO, or one by its whole name.

    A scenario stays whole, since all its crashes are held against one undisturbed run.
    """
    wanted = set(named)
    if wanted:
        known = {SERIES, *(crash.name for crash in CRASHES), *(f"{SERIES}/{one.name}" for one in SCENARIOS)}
        if unknown := wanted - known:
            raise EdgeLinuxError(
                f"no such case: {', '.join(sorted(unknown))}",
                hint=f"{SERIES}/SCENARIO: {', '.join(one.name for one in SCENARIOS)}",
                exit_code=2,
            )
        return tuple(
            crash for crash in CRASHES if wanted & {SERIES, f"{SERIES}/{crash.scenario.name}", crash.name}
        )
    number, count = shard
    return tuple(crash for crash in CRASHES if SCENARIOS.index(crash.scenario) % count == number - 1)
