"""What is remembered of ZFS, and for how long."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.storage.base import JOB, KIND, DatasetInfo, Storage
from edgelinux_hostd.storage.remembered import RememberedStorage

from tests.unit.hostd.memory import MemoryStorage


class Counted(MemoryStorage):
    """Counts what it is asked."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []

    def datasets(self, parent: str, *, sizes: bool = False) -> tuple[DatasetInfo, ...]:
        self.asked.append(f"datasets {parent}")
        return super().datasets(parent)

    def dataset(self, name: str, *, sizes: bool = False) -> DatasetInfo | None:
        self.asked.append(f"dataset {name}")
        return super().dataset(name)


@pytest.fixture
def pool(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def remembered(pool: MemoryStorage, *, watched: bool = True, clock: Clock | None = None, **more: Any) -> Any:
    return RememberedStorage(pool, watched=lambda: watched, clock=clock or Clock(), **more)


def names(storage: Storage) -> list[str]:
    return [info.name for info in storage.datasets("antlets")]


def told(storage: Any, pool: Counted, name: str, *actions: str) -> list[str]:
    """Tell of events and give what is asked anew then."""
    pool.asked.clear()
    for action in actions:
        storage.changed(name, action)
    storage.datasets("antlets")
    return pool.asked


def test_without_events_an_answer_counts_for_a_second(pool: Counted) -> None:
    clock = Clock()
    storage = remembered(pool, watched=False, clock=clock)
    assert storage.datasets("antlets") == storage.datasets("antlets")
    assert len(pool.asked) == 1
    clock.now += 1.0
    storage.datasets("antlets")
    assert len(pool.asked) == 2


def test_with_events_it_counts_for_minutes_but_sizes_do_not(pool: Counted) -> None:
    clock = Clock()
    storage = remembered(pool, clock=clock)
    storage.datasets("antlets")
    clock.now += 100.0
    storage.datasets("antlets")
    assert len(pool.asked) == 1
    storage.datasets("antlets", sizes=True)
    storage.datasets("antlets", sizes=True)
    assert len(pool.asked) == 2
    clock.now += 300.0
    storage.datasets("antlets")
    assert len(pool.asked) == 3


def test_what_it_changes_itself_is_seen_at_once(pool: Counted) -> None:
    storage = remembered(pool)
    assert storage.dataset("antlets/web1") is None
    storage.create("antlets/web1", {})
    assert storage.dataset("antlets/web1") is not None
    storage.datasets("antlets")
    storage.snapshot("antlets/web1@a")
    assert [one.name for one in storage.snapshots("antlets/web1")] == ["antlets/web1@a"]
    storage.clone("antlets/web1@a", "antlets/web2", {KIND: "antlet", JOB: "1"})
    assert storage.snapshots("antlets/web1")[0].clones == ("antlets/web2",)
    assert names(storage) == ["antlets/TEMPLATES", "antlets/web1", "antlets/web2"]
    storage.inherit("antlets/web2", JOB)
    storage.set("antlets/web2", {KIND: "template"})
    assert storage.datasets("antlets")[-1].local == {KIND: "template"}
    storage.set("antlets/web2", {"quota": "5"})
    assert storage.dataset("antlets/web2").quota == 5
    storage.destroy("antlets/web2")
    assert storage.snapshots("antlets/web1")[0].clones == ()
    assert storage.dataset("antlets/web2") is None
    storage.destroy("antlets/web1@a")
    assert storage.snapshots("antlets/web1") == ()
    storage.rename("antlets/web1", "antlets/web2")
    assert names(storage) == ["antlets/TEMPLATES", "antlets/web2"]
    storage.unmount("antlets/web2")
    assert not storage.dataset("antlets/web2").mounted


def test_one_more_dataset_is_one_small_question(pool: Counted) -> None:
    storage = remembered(pool)
    storage.datasets("antlets")
    pool.asked.clear()
    storage.create("antlets/web1", {})
    assert names(storage) == ["antlets/TEMPLATES", "antlets/web1"]
    storage.destroy("antlets/web1")
    assert names(storage) == ["antlets/TEMPLATES"]
    assert pool.asked[0] == "dataset antlets/web1"
    assert "datasets antlets" not in pool.asked


def test_other_peoples_changes_are_seen_when_they_are_told(pool: Counted) -> None:
    storage = remembered(pool)
    storage.create("antlets/web1", {})
    assert names(storage) == ["antlets/TEMPLATES", "antlets/web1"]
    MemoryStorage.destroy(pool, "antlets/web1")
    storage.changed("antlets/web1", "destroy")
    assert names(storage) == ["antlets/TEMPLATES"]
    MemoryStorage.create(pool, "antlets/web2", {})
    storage.changed("", "")
    assert names(storage) == ["antlets/TEMPLATES", "antlets/web2"]
    MemoryStorage.set(pool, "antlets/web2", {"quota": "5"})
    storage.changed("antlets/web2", "set")
    assert storage.dataset("antlets/web2").quota == 5


def test_the_events_of_its_own_changes_make_it_ask_nothing(pool: Counted) -> None:
    storage = remembered(pool)
    storage.create("antlets/web1", {KIND: "antlet", JOB: "1"})
    storage.datasets("antlets")
    assert told(storage, pool, "antlets/web1", "create", "set", "set") == []
    # One more than it made is somebody else's.
    assert told(storage, pool, "antlets/web1", "set") == ["dataset antlets/web1"]
    storage.snapshot("antlets/web1@a", {KIND: "clone"})
    assert told(storage, pool, "antlets/web1@a", "snapshot", "set") == []
    assert told(storage, pool, "antlets/web1@b", "snapshot") == ["datasets antlets"]
    assert told(storage, pool, "antlets/web1", "destroy") == ["datasets antlets"]


def test_after_a_change_that_failed_an_event_like_its_own_is_somebody_elses(pool: Counted) -> None:
    storage = remembered(pool)
    storage.create("antlets/web1", {})
    storage.snapshot("antlets/web1@a")
    with pytest.raises(EdgeLinuxError):
        storage.destroy("antlets/web1")
    storage.datasets("antlets")
    assert told(storage, pool, "antlets/web1", "destroy") == ["datasets antlets"]


def test_an_own_event_is_not_waited_for_for_ever(pool: Counted) -> None:
    clock = Clock()
    storage = remembered(pool, clock=clock)
    storage.create("antlets/web1", {})
    storage.datasets("antlets")
    clock.now += 60
    assert told(storage, pool, "antlets/web1", "create") == ["datasets antlets"]


def test_whether_it_is_mounted_is_always_as_it_is_now(pool: Counted) -> None:
    mounted: set[str] = set()
    now: Collection[str] = mounted
    storage = remembered(pool, mounted=lambda: now)
    storage.create("antlets/web1", {})
    storage.datasets("antlets")
    assert not storage.dataset("antlets/web1").mounted
    mounted.add("antlets/web1")
    assert storage.dataset("antlets/web1").mounted
    assert storage.datasets("antlets")[-1].mounted


def test_room_is_read_from_the_file_system(pool: Counted) -> None:
    storage = remembered(pool)
    pool.room = -1
    assert storage.available("antlets") > 0
    storage.unmount("antlets")
    assert storage.available("antlets") == -1


def test_a_change_that_fails_half_way_is_seen_as_well(pool: Counted) -> None:
    storage = remembered(pool)
    storage.datasets("antlets")
    with pytest.raises(EdgeLinuxError):
        storage.create("antlets/no/where", {})
    storage.datasets("antlets")
    assert len(pool.asked) == 2


def test_an_answer_from_before_a_change_is_not_kept_after_it(pool: Counted) -> None:
    storage = remembered(pool)
    original = pool.datasets

    def overtaken(parent: str, *, sizes: bool = False) -> tuple[DatasetInfo, ...]:
        answer = original(parent)
        pool.datasets = original  # type: ignore[method-assign]
        storage.create("antlets/web1", {})
        return answer

    pool.datasets = overtaken  # type: ignore[method-assign]
    assert "antlets/web1" not in names(storage)
    assert "antlets/web1" in names(storage)
