"""Downloads package files: several at a time, each resumed where it broke off, none that is there already."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError
from edgelinux_installer.web import Fetching

from edgelinux_build.failures import NO_SPACE, free_bytes
from edgelinux_build.inputs import hash_file
from edgelinux_build.mirrors import NO_MIRROR, file_of
from edgelinux_build.progress import Reporter

__all__ = ["Download", "fetch_all", "is_there"]

_AT_ONCE = 6
_PATIENCE = 30.0
_STEPS = 20


@dataclass(frozen=True)
class Download:
    """A file that is known before it is fetched."""

    what: str
    """As a person knows it: a package's name and version."""
    repository: str
    url: str
    path: Path
    size: int
    sha256: str

    @property
    def part(self) -> Path:
        """Where it grows."""
        return self.path.with_name(f"{self.path.name}.part")


class _StoppedError(Exception):
    """Another download failed."""


def is_there(download: Download) -> bool:
    """Say whether the right file lies there already."""
    path = download.path
    return path.is_file() and path.stat().st_size == download.size and hash_file(path) == download.sha256


def fetch_all(downloads: Sequence[Download], folder: Path, reporter: Reporter) -> int:
    """Fetch what is not there yet; returns how many bytes came. All lie below `folder`.

    Raises EdgeLinuxError; what came by then stays, and the next call goes on from there.
    """
    missing = [download for download in downloads if not is_there(download)]
    needed = sum(download.size - _size(download.part) for download in missing)
    _check_space(folder, needed)
    if not missing:
        return 0
    work, started = _Work(missing, needed, reporter), time.monotonic()
    reporter.begin("download", f"{len(missing)} of {len(downloads)} files, {_mib(needed)}")
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        futures = [pool.submit(work.fetch, download) for download in missing]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            errors = [error for future in done if (error := future.exception())]
        finally:
            work.stop.set()
            for future in futures:
                future.cancel()
    reporter.end("download", time.monotonic() - started, ok=not errors)
    for error in errors:
        if not isinstance(error, _StoppedError):
            raise error
    return needed


@dataclass
class _Work:
    missing: Sequence[Download]
    needed: int
    reporter: Reporter
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._came: dict[Path, int] = {}
        self._files = 0
        self._shown = 0

    def fetch(self, download: Download) -> None:
        """Fetch one file, and see that it is the right one."""
        download.path.parent.mkdir(parents=True, exist_ok=True)
        resumed = 0 < _size(download.part) <= download.size
        if not resumed:
            download.part.unlink(missing_ok=True)
        try:
            self._get(download)
            if resumed and not _right(download):
                # What was there was not the beginning of this file.
                download.part.unlink()
                self._get(download)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise EdgeLinuxError(
                f"no space left on the file system of {download.path.parent}",
                hint="free some and run this again: it goes on from here",
                exit_code=NO_SPACE,
            ) from error
        _refuse_wrong(download)
        download.part.rename(download.path)
        self._follow(download, 1.0, files=1)

    def _get(self, download: Download) -> None:
        start = _size(download.part)
        if start == download.size:
            return
        if file := file_of(download.url):
            self._copy(file, download)
            return
        fetching = Fetching(
            patience=_PATIENCE,
            follow=lambda part: self._follow(download, part, start=start),
            sleep=self._sleep,
        )
        try:
            fetching.fetch(download.url, download.part, resume=True)
        except NotFoundError:
            raise _vanished(download) from None
        except EdgeLinuxError as error:
            raise EdgeLinuxError(
                f"{download.what} of {download.repository}: {error.message}",
                hint="run this again: it goes on from where it broke off",
                exit_code=NO_MIRROR,
            ) from error

    def _copy(self, file: Path, download: Download) -> None:
        try:
            shutil.copyfile(file, download.part)
        except FileNotFoundError:
            raise _vanished(download) from None

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise _StoppedError

    def _follow(self, download: Download, part: float, *, start: int = 0, files: int = 0) -> None:
        if self.stop.is_set():
            raise _StoppedError
        with self._lock:
            self._files += files
            self._came[download.path] = max(int(download.size * part) - start, 0)
            step = sum(self._came.values()) * _STEPS // max(self.needed, 1)
            if step <= self._shown and self._files < len(self.missing):
                return
            self._shown = step
            text = f"{self._files} of {len(self.missing)} files, {min(step * 100 // _STEPS, 100)} %"
        self.reporter.detail("download", text)


def _vanished(download: Download) -> EdgeLinuxError:
    return EdgeLinuxError(
        f"{download.repository} no longer has {download.what}: there is no {download.url}",
        hint="run again: the repository has changed",
        exit_code=NO_MIRROR,
    )


def _right(download: Download) -> bool:
    return _size(download.part) == download.size and hash_file(download.part) == download.sha256


def _refuse_wrong(download: Download) -> None:
    if _right(download):
        return
    size = _size(download.part)
    found = f"SHA-256 {hash_file(download.part)[:12]}" if size == download.size else f"{size} bytes"
    # Nothing can be made of it, the next time either.
    download.part.unlink()
    wanted = f"{download.sha256[:12]}" if size == download.size else f"{download.size}"
    raise EdgeLinuxError(
        f"{download.what} of {download.repository} is not the file of its index: {found}, not {wanted}",
        hint=f"run again; if it stays so, {download.url} is damaged",
    )


def _check_space(folder: Path, needed: int) -> None:
    free = free_bytes(folder)
    if free < needed:
        raise EdgeLinuxError(
            f"the mirror needs {_mib(needed)} in {folder.parent}, {_mib(free)} are free",
            hint="free some, or name a directory on another file system",
            exit_code=NO_SPACE,
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
