"""Executes a plan: independent stages at the same time, every result through the cache."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from .cache import Cache, Result
from .inputs import Json, key_of
from .mirrors import MirrorUrls, find_mirrors
from .outputs import lookup_output, manifest_of, publish
from .plan import Step, make_plan
from .process import StageError, kill_all
from .progress import Reporter
from .stage import GIB, Context, Project, Stage, Upstream

__all__ = ["NO_SPACE", "Builder", "free_bytes"]

NO_SPACE = 5
"""Exit code when the file system of the cache or of the outputs is full."""

_NO_SPACE_TEXT = "No space left on device"


@dataclass
class Builder:
    """Plans and builds one image."""

    project: Project
    cache: Cache
    stages: Sequence[Stage]
    reporter: Reporter
    find_mirrors: functools.partial[MirrorUrls] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def goal(self) -> str:
        """The stage whose result goes to the output directory."""
        return self.stages[-1].name

    def plan(self, forced: Collection[str] = ()) -> tuple[Step, ...]:
        """Decide what to run; writes nothing."""
        return make_plan(self.stages, self.project, self._lookup, self._previous, forced)

    def _lookup(self, stage: Stage, key: str) -> Result | None:
        if stage.name == self.goal:
            return lookup_output(self.project.out, key)
        return self.cache.lookup(stage.name, key)

    def _previous(self, stage: Stage) -> Iterable[Result]:
        if stage.name == self.goal:
            last = lookup_output(self.project.out)
            return [last] if last else []
        return self.cache.results(stage.name)

    def run(self, steps: Sequence[Step]) -> Result:
        """Run what the plan says; raises EdgeLinuxError. Only within a session of the cache."""
        pending = {step.stage.name: step for step in steps if step.action in ("run", "depends")}
        results = {step.stage.name: step.result for step in steps if step.result}
        self._check_space(pending.values())
        mirrors = functools.cache(self.find_mirrors or functools.partial(find_mirrors, self.project.base))
        if any(step.action == "run" and step.stage.downloads for step in pending.values()):
            mirrors()
        running: dict[Future[Result], str] = {}
        with ThreadPoolExecutor(max_workers=max(2, self.project.jobs)) as pool:
            try:
                while pending or running:
                    for name, step in [*pending.items()]:
                        if all(need in results for need in step.stage.needs):
                            del pending[name]
                            needed = {need: results[need] for need in step.stage.needs}
                            running[pool.submit(self._run, step, needed, dict(results), mirrors)] = name
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        results[running.pop(future)] = future.result()
            except BaseException:
                kill_all()
                raise
        return results[self.goal]

    def _run(
        self, step: Step, needed: dict[str, Result], results: dict[str, Result], mirrors: object
    ) -> Result:
        stage = step.stage
        upstream = {name: Upstream(name, result.identity, result.facts) for name, result in needed.items()}
        own = stage.inputs(self.project, upstream)
        inputs: dict[str, Json] = {"stage": stage.name, "version": stage.version, **own}
        key = key_of(inputs)
        found = self._lookup(stage, key) if not step.why.startswith("forced") else None
        if found:
            self.reporter.note(f"{stage.name}: cached")
            return found
        self.reporter.begin(stage.name, step.why if step.action == "run" else "its inputs changed")
        started = time.monotonic()
        ok = False
        try:
            result = self._make(step, key, inputs, needed, results, mirrors)
            ok = True
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self._no_space(stage) from error
            raise EdgeLinuxError(f"{stage.name}: {error}") from error
        except StageError as error:
            if any(_NO_SPACE_TEXT in line for line in (error.message, *error.lines)) or self._full():
                raise self._no_space(stage) from error
            self.reporter.lines(error.lines)
            hint = "; ".join(part for part in (error.hint, f"log: {error.log or self._log(stage)}") if part)
            raise EdgeLinuxError(
                f"{stage.name}: {error.message}", hint=hint, exit_code=error.exit_code
            ) from error
        except EdgeLinuxError as error:
            if _NO_SPACE_TEXT in error.message:
                raise self._no_space(stage) from error
            message = f"{stage.name}: {error.message}"
            raise EdgeLinuxError(message, hint=error.hint, exit_code=error.exit_code) from error
        finally:
            self.seconds[stage.name] = time.monotonic() - started
            self.reporter.end(stage.name, self.seconds[stage.name], ok=ok)
        return result

    def _make(
        self,
        step: Step,
        key: str,
        inputs: dict[str, Json],
        needed: dict[str, Result],
        results: dict[str, Result],
        mirrors: object,
    ) -> Result:
        stage = step.stage
        log = self._log(stage)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

        def context(scratch: Path) -> Context:
            say = functools.partial(self.reporter.detail, stage.name)
            return Context(self.project, needed, scratch, log, mirrors, say)  # type: ignore[arg-type]

        def make(out: Path, scratch: Path) -> tuple[str, dict[str, Json]]:
            facts = stage.run(context(scratch), out)
            return stage.identity(key, facts), facts

        if stage.name == self.goal:
            return self._publish(stage, key, inputs, results, context)
        return self.cache.obtain(
            stage.name,
            key,
            inputs,
            make,
            replace=step.why.startswith("forced"),
            on_wait=lambda: self.reporter.detail(stage.name, "another build makes the same; waiting for it"),
        )

    def _publish(
        self, stage: Stage, key: str, inputs: dict[str, Json], results: dict[str, Result], context: object
    ) -> Result:
        started = time.monotonic()
        with self.cache.temporary(stage.name) as temp:
            out, scratch = temp / "result", temp / "scratch"
            out.mkdir()
            scratch.mkdir()
            facts = stage.run(context(scratch), out)  # type: ignore[operator]
            project = self.project
            about: dict[str, Json] = {
                "product": project.image.product,
                "image": project.image.name,
                "version": project.image.version,
                "base": {"name": project.base.name, "label": project.base.label, "why": project.why_base},
                "cpu_level": project.base.cpu_level,
                "kickstart_sha256": inputs["kickstart"],
                "unattended": project.unattended,
                "source_date_epoch": project.epoch,
            }
            seconds = round(time.monotonic() - started, 1)
            record: dict[str, Json] = {"key": key, "seconds": seconds, "inputs": inputs}
            publish(out, project.out, str(facts["iso"]), manifest_of(about, results, facts, record))
        return Result(stage.name, key, project.out, key, inputs, facts, seconds)

    def _log(self, stage: Stage) -> Path:
        folder = f"{self.project.image.name}-{self.project.base.name}"
        return self.cache.root / "logs" / folder / f"{stage.name}.log"

    def _check_space(self, pending: Iterable[Step]) -> None:
        needed = sum(step.stage.space for step in pending)
        free = free_bytes(self.cache.root)
        if free < needed:
            raise EdgeLinuxError(
                f"building needs {needed / GIB:.1f} GiB in {self.cache.root}, {free / GIB:.1f} GiB are free",
                hint="free some, run `edgelinux cache prune`, or set XDG_CACHE_HOME",
                exit_code=NO_SPACE,
            )

    def _full(self) -> bool:
        return free_bytes(self.cache.root) < 2**20

    def _no_space(self, stage: Stage) -> EdgeLinuxError:
        where = self.cache.root if self._full() or stage.name != self.goal else self.project.out
        return EdgeLinuxError(
            f"{stage.name}: no space left on the file system of {where}",
            hint="free some, run `edgelinux cache prune`, or set XDG_CACHE_HOME; what was finished is kept",
            exit_code=NO_SPACE,
        )


def free_bytes(path: Path) -> int:
    """Return the free bytes where a directory is or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def jobs() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
