"""hostd's database: one SQLite file for jobs, their logs, and settings."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Database", "DatabaseError"]

_log = logging.getLogger(__name__)

# One entry per version of the schema; user_version counts those that were applied. Never change one: append,
# and only what adds, so that an older hostd (someone went back to its boot environment) can use the file too.
_MIGRATIONS = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        open INTEGER NOT NULL,
        finished REAL NOT NULL,
        record TEXT NOT NULL
    );
    CREATE INDEX jobs_open ON jobs (open, finished);
    CREATE TABLE job_log (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        time REAL NOT NULL,
        line TEXT NOT NULL
    );
    CREATE INDEX job_log_job ON job_log (job);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
)
_SIDE_FILES = ("", "-wal", "-shm")


class DatabaseError(EdgeLinuxError):
    """The database could not be read or written: disk full, read-only, damaged."""


class Database:
    """One connection, used by one thread at a time; every statement that returns is on disk.

    A damaged file is moved aside and a new one begun: what antlets are is in their datasets, so only the
    history of jobs and the settings are lost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        # Searchable: names for the antlets' network lie below it, for a dnsmasq that is not root.
        path.parent.chmod(0o711)
        try:
            self._connection = _open(path)
        except sqlite3.OperationalError as error:  # locked, read-only, no space: the file may well be whole
            raise DatabaseError(f"cannot open {path}: {error}") from error
        except sqlite3.DatabaseError as error:
            aside = _move_aside(path)
            _log.warning(
                "%s is damaged (%s): moved to %s, begun anew without jobs and settings", path, error, aside
            )
            self._connection = _open(path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection; what happens inside is committed at the end, or not at all."""
        with self._lock:
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except sqlite3.Error as error:
                raise DatabaseError(f"cannot write {self.path}: {error}") from error

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement that writes."""
        with self.transaction() as connection:
            connection.execute(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read rows."""
        with self._lock:
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                raise DatabaseError(f"cannot read {self.path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    path.chmod(0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number in range(version, len(_MIGRATIONS)):
        connection.executescript(f"BEGIN; {_MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def _move_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in _SIDE_FILES:
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside
