"""Results of stages under the XDG cache directory.

A result is made in a temporary directory beside its place and renamed into it when it is whole. Locks tell
the living from the dead: a temporary directory whose lock nobody holds belonged to a build that was killed.
Ordinary builds share one lock; what replaces or removes results takes it alone, so that no build loses the
tree it stands on.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from .inputs import Json
from .rights import make_directory

__all__ = ["Cache", "Result", "cache_home"]

_RESULT = "result.json"


def cache_home() -> Path:
    """Return edgeLinux's cache directory: $XDG_CACHE_HOME/edgelinux, else ~/.cache/edgelinux."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "edgelinux"


@dataclass(frozen=True)
class Result:
    """What a stage made, whole."""

    stage: str
    key: str
    path: Path
    identity: str
    """What stages that build on it put into their own keys."""
    inputs: dict[str, Json] = field(default_factory=dict, repr=False)
    facts: dict[str, Json] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    created: float = 0.0

    @property
    def used(self) -> float:
        """When a build last used it, in seconds since the epoch."""
        return (self.path / _RESULT).stat().st_mtime


@dataclass(frozen=True)
class Cache:
    """The directory of all results; `root` need not exist."""

    root: Path

    def folder(self, stage: str) -> Path:
        """Return the directory of a stage's results."""
        return self.root / "stages" / stage

    def lookup(self, stage: str, key: str) -> Result | None:
        """Return the result of a stage for a key, if there is a whole one."""
        return _read(self.folder(stage) / key)

    def results(self, stage: str | None = None) -> list[Result]:
        """Return all whole results, of one stage or of all, the most recently used first."""
        found = (
            _read(path.parent)
            for path in self.folder(stage or "*").parent.glob(f"{stage or '*'}/*/{_RESULT}")
        )
        return sorted((result for result in found if result), key=lambda result: -result.used)

    def obtain(
        self,
        stage: str,
        key: str,
        inputs: dict[str, Json],
        make: Callable[[Path, Path], tuple[str, dict[str, Json]]],
        *,
        replace: bool = False,
        on_wait: Callable[[], None] = lambda: None,
    ) -> Result:
        """Return the result for a key, made by `make(result, scratch directory)` when there is none.

        `make` returns the result's identity and facts. Two builds that want the same result make it once:
        the second waits (after calling `on_wait`) and takes the first one's. Raises EdgeLinuxError.
        """
        final = self.folder(stage) / key
        with _flock(self.root / "locks" / f"{stage}-{key}", on_wait=on_wait):
            found = None if replace else _read(final)
            if found:
                _touch(final)
                return found
            started = time.monotonic()
            with self.temporary(stage) as temp:
                out, scratch = temp / "result", temp / "scratch"
                out.mkdir()
                scratch.mkdir()
                identity, facts = make(out, scratch)
                record = {
                    "stage": stage,
                    "key": key,
                    "identity": identity,
                    "inputs": inputs,
                    "facts": facts,
                    "seconds": round(time.monotonic() - started, 1),
                    "created": time.time(),
                }
                (out / _RESULT).write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
                if final.exists():
                    final.rename(temp / "replaced")
                out.rename(final)
        result = _read(final)
        if result is None:  # removed by hand in this moment
            raise EdgeLinuxError(f"{final}: vanished while it was being made")
        return result

    @contextlib.contextmanager
    def temporary(self, stage: str) -> Iterator[Path]:
        """Give a directory beside the stage's results that is gone afterwards (killed: at the next build)."""
        folder = self.folder(stage)
        path = folder / f".tmp-{secrets.token_hex(6)}"
        with contextlib.ExitStack() as stack:
            with _flock(self.root / "locks" / "temporary"):
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_flock(_lock_of(path)))
                path.mkdir()
            try:
                yield path
            finally:
                _remove(path)
                _lock_of(path).unlink(missing_ok=True)

    def remove_dead(self) -> int:
        """Remove the temporary directories of builds that were killed; returns how many."""
        count = 0
        with _flock(self.root / "locks" / "temporary"):
            for path in [*self.root.glob("stages/*/.tmp-*")]:
                if path.suffix == ".lock":
                    continue
                try:
                    with _flock(_lock_of(path), wait=False):
                        _detach_loops(path)
                        _remove(path)
                        _lock_of(path).unlink(missing_ok=True)
                        count += 1
                except BlockingIOError:
                    continue
        return count

    @contextlib.contextmanager
    def session(self, *, alone: bool = False, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Use the cache for the time of a build; `alone` to replace or remove results."""
        make_directory(self.root)
        with _flock(self.root / "locks" / "builds", shared=not alone, on_wait=on_wait):
            self.remove_dead()
            yield

    def touch(self, result: Result) -> None:
        """Note that a build used a result, so that pruning spares it."""
        _touch(result.path)

    def remove(self, result: Result) -> None:
        """Remove a result; only within a session that has the cache alone."""
        with self.temporary(result.stage) as temp:
            result.path.rename(temp / "removed")
        (self.root / "locks" / f"{result.stage}-{result.key}").unlink(missing_ok=True)


def _read(path: Path) -> Result | None:
    try:
        record = json.loads((path / _RESULT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Result(path=path, **record)


def _touch(path: Path) -> None:
    with contextlib.suppress(PermissionError):
        os.utime(path / _RESULT)


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


@contextlib.contextmanager
def _flock(
    path: Path, *, shared: bool = False, wait: bool = True, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold a lock file; raises BlockingIOError at once when `wait` is false and someone else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with path.open("a") as file:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            on_wait()
            fcntl.flock(file, kind)
        yield


def _remove(path: Path) -> None:
    """Remove a directory tree without ever leaving its file system: a mount below it is not ours to empty."""
    run(["rm", "--recursive", "--force", "--one-file-system", "--", path])


def _detach_loops(path: Path) -> None:
    """Free the loop devices whose files lie below a dead build's directory; they outlive its mounts."""
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if backing.read_text(encoding="utf-8").startswith(f"{path}/"):
                run(["losetup", "--detach", f"/dev/{backing.parent.parent.name}"], check=False)
