from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_hostd.jobs.database import Database, DatabaseError
from edgelinux_hostd.jobs.settings import Settings
from edgelinux_hostd.jobs.store import JobStore

from .records import JOB


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "hostd.db"


def test_only_its_owner_can_read_the_database(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.touch(mode=0o644)
    JobStore(Database(path)).add(JOB)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_what_is_written_is_on_disk(path: Path) -> None:
    database = Database(path)
    assert database.query("PRAGMA journal_mode") == [("wal",)]
    assert database.query("PRAGMA synchronous") == [(2,)]


@pytest.mark.parametrize("damage", ["not a database", "a hole"])
def test_a_damaged_database_is_moved_aside_with_a_warning(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(path)
    for number in range(200):
        JobStore(database).add(replace(JOB, id=str(number)))
    database.close()
    content = bytearray(path.read_bytes())
    if damage == "a hole":
        content[8192:40960] = bytes(32768)
    else:
        content[:] = b"not a database at all" * 100
    path.write_bytes(content)
    store = JobStore(Database(path))
    assert store.jobs() == []
    store.add(JOB)
    assert store.get(JOB.id) == JOB
    (aside,) = path.parent.glob("hostd.db.damaged-????????-??????")
    assert aside.read_bytes() == content
    (record,) = caplog.records
    assert str(aside) in record.getMessage()
    assert "damaged" in record.getMessage()


def test_a_database_that_is_only_out_of_reach_is_not_moved(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DatabaseError, match="cannot open"):
        Database(path)
    assert path.is_dir()


def test_an_older_hostd_uses_the_database_of_a_newer_one(path: Path) -> None:
    database = Database(path)
    JobStore(database).add(JOB)
    database.execute("PRAGMA user_version = 99")
    database.close()
    database = Database(path)
    assert JobStore(database).get(JOB.id) == JOB
    assert database.query("PRAGMA user_version") == [(99,)]


def test_a_write_that_fails_half_way_leaves_nothing(path: Path) -> None:
    database = Database(path)

    def write() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO settings VALUES ('a', '1')")
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(DatabaseError, match=r"cannot write .*hostd\.db"):
        write()
    assert Settings(database).get("a", 0) == 0
    database.close()
    with pytest.raises(DatabaseError, match="cannot read"):
        database.query("SELECT 1")


def test_settings_keep_their_type(path: Path) -> None:
    database = Database(path)
    settings = Settings(database)
    assert settings.get("network.base-ip", "10.1.1.0") == "10.1.1.0"
    settings.set("network.base-ip", "10.2.2.0")
    settings.set("share", 1)
    settings.set("pools", ["hdd"])
    database.close()
    settings = Settings(Database(path))
    assert settings.get("network.base-ip", "10.1.1.0") == "10.2.2.0"
    assert settings.get("network.base-ip", 0) == 0
    assert settings.get("share", 0.5) == 1.0
    assert settings.get("share", False) is False
    assert settings.get("pools", ["ssd"]) == ["hdd"]
    settings.set("share", 2)
    assert settings.get("share", 0) == 2
    settings.unset("share")
    assert settings.get("share", 0) == 0


def test_another_process_may_read_while_hostd_writes(path: Path) -> None:
    store = JobStore(Database(path))
    store.add(JOB)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT id FROM jobs").fetchall() == [(JOB.id,)]
