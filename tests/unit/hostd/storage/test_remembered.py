"""What is remembered of ZFS, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.storage.base import DatasetInfo, Storage
from edgelinux_hostd.storage.remembered import RememberedStorage

from tests.unit.hostd.memory import MemoryStorage


class Counted(MemoryStorage):
    """Counts how often it is asked."""

    asked = 0

    def datasets(self, parent: str) -> tuple[DatasetInfo, ...]:
        self.asked += 1
        return super().datasets(parent)


@pytest.fixture
def pool(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_question_is_asked_once_within_a_moment(pool: Counted) -> None:
    clock = Clock()
    storage: Storage = RememberedStorage(pool, 1.0, clock)
    assert storage.datasets("antlets") == storage.datasets("antlets")
    assert pool.asked == 1
    clock.now = 1.0
    storage.datasets("antlets")
    assert pool.asked == 2


def test_what_it_changes_itself_is_seen_at_once(pool: Counted) -> None:
    storage = RememberedStorage(pool, 1.0, Clock())
    assert storage.dataset("antlets/web1") is None
    storage.create("antlets/web1", {})
    assert storage.dataset("antlets/web1") is not None
    storage.datasets("antlets")
    storage.snapshot("antlets/web1@a")
    assert [one.name for one in storage.snapshots("antlets/web1")] == ["antlets/web1@a"]
    storage.destroy("antlets/web1@a")
    assert storage.snapshots("antlets/web1") == ()
    storage.rename("antlets/web1", "antlets/web2")
    assert storage.dataset("antlets/web1") is None


def test_a_change_that_fails_half_way_is_seen_as_well(pool: Counted) -> None:
    storage = RememberedStorage(pool, 1.0, Clock())
    storage.datasets("antlets")
    with pytest.raises(EdgeLinuxError):
        storage.create("antlets/no/where", {})
    storage.datasets("antlets")
    assert pool.asked == 2


def test_an_answer_from_before_a_change_is_not_kept_after_it(pool: Counted) -> None:
    storage = RememberedStorage(pool, 1.0, Clock())
    original = pool.datasets

    def overtaken(parent: str) -> tuple[DatasetInfo, ...]:
        answer = original(parent)
        pool.datasets = original  # type: ignore[method-assign]
        storage.create("antlets/web1", {})
        return answer

    pool.datasets = overtaken  # type: ignore[method-assign]
    assert "antlets/web1" not in {info.name for info in storage.datasets("antlets")}
    assert "antlets/web1" in {info.name for info in storage.datasets("antlets")}
