"""Executes a plan: independent stages at the same time, every result through the cache."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from .cache import Cache, Result
from .failures import check_space, explain
from .inputs import Json
from .mirrors import MirrorUrls, find_mirrors
from .outputs import lookup_output, manifest_of, publish
from .plan import Step, keyed, make_plan
from .process import StageError, kill_all, programs
from .progress import Reporter
from .stage import Context, Project, Stage, Upstream

__all__ = ["Builder"]


@dataclass
class Builder:
    """Plans and builds one image. The last stage is the goal."""

    project: Project
    cache: Cache
    stages: Sequence[Stage]
    reporter: Reporter
    find_mirrors: Callable[[], MirrorUrls] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each stage took that ran."""

    def __post_init__(self) -> None:
        find = self.find_mirrors or functools.partial(find_mirrors, self.project.base)
        self._mirrors = functools.cache(find)

    def plan(self, forced: Collection[str] = ()) -> tuple[Step, ...]:
        """Decide what to run; writes nothing."""
        return make_plan(self.stages, self.project, self._lookup, self._previous, forced)

    def run(self, steps: Sequence[Step]) -> Result:
        """Run what the plan says; raises EdgeLinuxError. Only within a session of the cache."""
        pending = {step.stage.name: step for step in steps if step.action in ("run", "depends")}
        results = {step.stage.name: step.result for step in steps if step.result}
        check_space(self.cache.root, sum(step.stage.space for step in pending.values()))
        if any(step.action == "run" and step.stage.downloads for step in pending.values()):
            self._mirrors()
        for stage in self.stages:
            if stage.name in results and not stage.published:
                self.cache.touch(results[stage.name])
        running: dict[Future[Result], str] = {}
        with programs(), ThreadPoolExecutor(max_workers=max(2, self.project.jobs)) as pool:
            try:
                while pending or running:
                    for name, step in [*pending.items()]:
                        if all(need in results for need in step.stage.needs):
                            del pending[name]
                            running[pool.submit(self._run, step, dict(results))] = name
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        results[running.pop(future)] = future.result()
            except BaseException:
                kill_all()
                raise
        return results[self.stages[-1].name]

    def _lookup(self, stage: Stage, key: str) -> Result | None:
        if stage.published:
            return lookup_output(self.project.out, key)
        return self.cache.lookup(stage.name, key)

    def _previous(self, stage: Stage) -> Iterable[Result]:
        if stage.published:
            last = lookup_output(self.project.out)
            return [last] if last else []
        return self.cache.results(stage.name)

    def _run(self, step: Step, results: Mapping[str, Result]) -> Result:
        stage = step.stage
        known = {name: Upstream.of(results[name]) for name in stage.needs}
        key, inputs = keyed(stage, self.project, known)
        found = None if step.forced else self._lookup(stage, key)
        if found:
            self.reporter.note(f"{stage.name}: cached")
            return found
        self.reporter.begin(stage.name, step.why if step.action == "run" else "its inputs changed")
        started, ok = time.monotonic(), False
        log = self._log(stage)
        try:
            result = self._make(step, key, inputs, results, log)
            ok = True
        except (OSError, EdgeLinuxError) as error:
            if isinstance(error, StageError):
                self.reporter.lines(error.lines)
            raise explain(stage.name, error, log, (self.cache.root, self.project.out)) from error
        finally:
            self.seconds[stage.name] = time.monotonic() - started
            self.reporter.end(stage.name, self.seconds[stage.name], ok=ok)
        return result

    def _make(
        self, step: Step, key: str, inputs: dict[str, Json], results: Mapping[str, Result], log: Path
    ) -> Result:
        stage = step.stage
        needed = {name: results[name] for name in stage.needs}
        say = functools.partial(self.reporter.detail, stage.name)

        def make(out: Path, scratch: Path) -> tuple[str, dict[str, Json]]:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
            facts = stage.run(Context(self.project, needed, scratch, log, self._mirrors, say), out)
            known = {name: Upstream.of(result) for name, result in needed.items()}
            if keyed(stage, self.project, known)[0] != key:
                raise EdgeLinuxError("files it is made from changed while it ran", hint="build again")
            return stage.identity(key, facts), facts

        if stage.published:
            return self._publish(stage, key, inputs, results, make)
        return self.cache.obtain(
            stage.name,
            key,
            inputs,
            make,
            replace=step.forced,
            on_wait=lambda: say("another build makes the same; waiting for it"),
        )

    def _publish(
        self,
        stage: Stage,
        key: str,
        inputs: dict[str, Json],
        results: Mapping[str, Result],
        make: Callable[[Path, Path], tuple[str, dict[str, Json]]],
    ) -> Result:
        started = time.monotonic()
        with self.cache.temporary(stage.name) as temp:
            out, scratch = temp / "result", temp / "scratch"
            out.mkdir()
            scratch.mkdir(mode=0o700)
            identity, facts = make(out, scratch)
            seconds = round(time.monotonic() - started, 1)
            result = Result(stage.name, key, self.project.out, identity, inputs, facts, seconds)
            timings = {name: made.seconds for name, made in {**results, stage.name: result}.items()}
            manifest = manifest_of(self.project, results, result)
            publish(out, self.project.out, manifest, timings=timings, sign_key=self.project.sign_key)
        return result

    def _log(self, stage: Stage) -> Path:
        folder = f"{self.project.image.name}-{self.project.base.name}"
        return self.cache.root / "logs" / folder / f"{stage.name}.log"
