"""Decides which stages run, and why. Nothing here writes; what is cached comes in as functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .cache import Result
from .inputs import Json, differences, key_of
from .stage import NotYetKnown, Project, Stage, Upstream

__all__ = ["Action", "Step", "keyed", "make_plan"]

Action = Literal["cached", "run", "depends", "not needed"]
_NAMED = 3
_FORCED = "forced"


@dataclass(frozen=True)
class Step:
    """What happens to one stage, and why."""

    stage: Stage
    action: Action
    why: str
    key: str | None
    inputs: Mapping[str, Json] | None
    result: Result | None

    @property
    def forced(self) -> bool:
        """Whether it runs although its result may be cached."""
        return self.action == "run" and self.why.startswith(_FORCED)


def keyed(stage: Stage, project: Project, upstream: Mapping[str, Upstream]) -> tuple[str, dict[str, Json]]:
    """Return a stage's key and the inputs that it is the hash of; raises NotYetKnown."""
    inputs: dict[str, Json] = {
        "stage": stage.name,
        "version": stage.version,
        **stage.inputs(project, upstream),
    }
    return key_of(inputs), inputs


def make_plan(
    stages: Sequence[Stage],
    project: Project,
    lookup: Callable[[Stage, str], Result | None],
    previous: Callable[[Stage], Iterable[Result]],
    forced: Collection[str] = (),
) -> tuple[Step, ...]:
    """Plan the stages, given in an order in which each comes after those it needs; the last is the goal.

    `lookup` finds a result by key, `previous` gives the stage's results, the last used first.
    `forced` stages run whatever is cached, and so does everything that builds on them. A stage "depends"
    when its inputs come from a stage that has yet to run.
    """
    steps: dict[str, Step] = {}
    known: dict[str, Upstream] = {}
    for stage in stages:
        force = next((name for name in (stage.name, *stage.needs) if name in _forced(steps, forced)), None)
        step = _step(stage, project, known, lookup, previous, force)
        steps[stage.name] = step
        known[stage.name] = _known(step)
    return _without_the_needless(tuple(steps.values()))


def _forced(steps: Mapping[str, Step], forced: Collection[str]) -> set[str]:
    return {*forced, *(name for name, step in steps.items() if step.forced)}


def _step(
    stage: Stage,
    project: Project,
    known: Mapping[str, Upstream],
    lookup: Callable[[Stage, str], Result | None],
    previous: Callable[[Stage], Iterable[Result]],
    force: str | None,
) -> Step:
    try:
        key, inputs = keyed(stage, project, {name: known[name] for name in stage.needs})
    except NotYetKnown as missing:
        if force:
            return Step(stage, "run", _why_forced(stage, force), None, None, None)
        return Step(
            stage, "depends", f"runs if its inputs change: known after {missing.stage}", None, None, None
        )
    if force:
        return Step(stage, "run", _why_forced(stage, force), key, inputs, None)
    result = lookup(stage, key)
    if result:
        return Step(stage, "cached", "nothing it is made from changed", key, inputs, result)
    return Step(stage, "run", _why(inputs, previous(stage)), key, inputs, None)


def _why_forced(stage: Stage, force: str) -> str:
    return _FORCED if force == stage.name else f"{_FORCED} with {force}"


def _why(inputs: dict[str, Json], previous: Iterable[Result]) -> str:
    last = next(iter(previous), None)
    if last is None:
        return "never built before"
    changes = differences(last.inputs, inputs)
    named = ", ".join(changes[:_NAMED])
    more = len(changes) - _NAMED
    return named + (f" and {more} more" if more > 0 else "")


def _known(step: Step) -> Upstream:
    """What stages further down may know: an identity that is the key is known before the stage has run."""
    if step.result:
        return Upstream(step.stage.name, step.result.identity, step.result.facts)
    identity = None if step.stage.identity_from_facts else step.key
    return Upstream(step.stage.name, identity, None)


def _without_the_needless(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Drop what only cached stages would use: a cached goal needs nothing before it."""
    needed = {steps[-1].stage.name} | {step.stage.name for step in steps if step.why == _FORCED}
    for step in reversed(steps):
        if step.stage.name in needed and step.action in ("run", "depends"):
            needed.update(step.stage.needs)
    return tuple(
        step
        if step.stage.name in needed or step.action == "cached"
        else Step(step.stage, "not needed", "what is built on it is cached", step.key, step.inputs, None)
        for step in steps
    )
