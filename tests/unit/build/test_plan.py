from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from edgelinux_build.cache import Result
from edgelinux_build.inputs import Json
from edgelinux_build.plan import Step, keyed, make_plan
from edgelinux_build.stage import Project, Stage, Upstream

from tests.unit.build.fakes import FAKES


@dataclass
class Memory:
    """Results as a cache would give them, without files."""

    results: dict[str, list[Result]] = field(default_factory=dict)

    def lookup(self, stage: Stage, key: str) -> Result | None:
        return next((result for result in self.previous(stage) if result.key == key), None)

    def previous(self, stage: Stage) -> Iterable[Result]:
        return self.results.get(stage.name, [])

    def drop(self, name: str) -> None:
        del self.results[name]


def build_all(project: Project) -> Memory:
    memory = Memory()
    known: dict[str, Upstream] = {}
    for stage in FAKES:
        key, inputs = keyed(stage, project, {name: known[name] for name in stage.needs})
        facts: dict[str, Json] = {"version": "1"}
        result = Result(stage.name, key, Path("/none"), stage.identity(key, facts), inputs, facts)
        memory.results[stage.name] = [result]
        known[stage.name] = Upstream.of(result)
    return memory


def plan(project: Project, memory: Memory, *forced: str) -> dict[str, Step]:
    return {
        step.stage.name: step for step in make_plan(FAKES, project, memory.lookup, memory.previous, forced)
    }


def actions(steps: dict[str, Step]) -> dict[str, str]:
    return {name: step.action for name, step in steps.items()}


@pytest.fixture
def made(project: Project) -> Project:
    (project.root / "root.txt").write_text("one", encoding="utf-8")
    return project


def test_nothing_is_cached(made: Project) -> None:
    steps = plan(made, Memory())
    assert actions(steps) == {"root": "run", "side": "depends", "independent": "run", "iso": "depends"}
    assert steps["root"].why == "never built before"
    assert steps["side"].why == "runs if its inputs change: known after root"
    assert steps["side"].key is None


def test_nothing_changed(made: Project) -> None:
    assert set(actions(plan(made, build_all(made))).values()) == {"cached"}


def test_what_changed_is_named(made: Project) -> None:
    memory = build_all(made)
    (made.root / "root.txt").write_text("two", encoding="utf-8")
    steps = plan(made, memory)
    assert actions(steps) == {"root": "run", "side": "depends", "independent": "cached", "iso": "depends"}
    assert steps["root"].why == "text changed"


def test_a_kickstart_changes_the_goal_only(made: Project) -> None:
    memory = build_all(made)
    changed = Project(**{**vars(made), "kickstart": "# another\n"})
    steps = plan(changed, memory)
    assert actions(steps) == {"root": "cached", "side": "cached", "independent": "cached", "iso": "run"}
    assert steps["iso"].why == "kickstart changed"


def test_a_cached_goal_needs_nothing_before_it(made: Project) -> None:
    memory = build_all(made)
    memory.drop("independent")
    steps = plan(made, memory)
    assert actions(steps)["independent"] == "not needed"
    assert actions(steps)["iso"] == "cached"


def test_a_missing_result_that_is_needed_is_made_again(made: Project) -> None:
    memory = build_all(made)
    memory.drop("independent")
    memory.drop("iso")
    assert actions(plan(made, memory)) == {
        "root": "cached",
        "side": "cached",
        "independent": "run",
        "iso": "run",
    }


def test_forcing_takes_along_what_builds_on_it(made: Project) -> None:
    steps = plan(made, build_all(made), "side")
    assert actions(steps) == {"root": "cached", "side": "run", "independent": "cached", "iso": "run"}
    assert (steps["side"].why, steps["iso"].why) == ("forced", "forced with side")
    assert steps["iso"].forced


def test_forcing_the_root_forces_what_is_not_yet_known(made: Project) -> None:
    steps = plan(made, build_all(made), "root")
    assert actions(steps) == {"root": "run", "side": "run", "independent": "cached", "iso": "run"}
    assert steps["side"].key is None


def test_the_version_of_a_stage_is_part_of_its_key(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keyed(FAKES[0], made, {})[0]
    monkeypatch.setattr(type(FAKES[0]), "version", 2)
    assert keyed(FAKES[0], made, {})[0] != before
