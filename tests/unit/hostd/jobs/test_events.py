from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from edgelinux_hostd.jobs.events import EventBus


def numbers(bus: EventBus, last: int | None) -> list[Any]:
    """What a reader gets until nothing more comes."""
    found = []
    for event in bus.subscribe(last):
        if not event:
            break
        found.append(event["id"])
    return found


def test_events_are_numbered_with_the_time_and_what_belongs_to_them() -> None:
    bus = EventBus(clock=lambda: 7.5)
    reader = bus.subscribe()
    bus.publish("antlet", name="web1", state="running")
    bus.publish("pool", name="hdd")
    assert next(reader) == {"id": 1, "time": 7.5, "type": "antlet", "name": "web1", "state": "running"}
    assert next(reader) == {"id": 2, "time": 7.5, "type": "pool", "name": "hdd"}


def test_a_reader_goes_on_after_the_last_event_it_saw_as_far_as_they_are_kept() -> None:
    bus = EventBus(keep=3, silence=0.01)
    for _ in range(5):
        bus.publish("pool")
    assert numbers(bus, None) == []
    assert numbers(bus, 4) == [5]
    assert numbers(bus, 3) == [4, 5]
    assert numbers(bus, 0) == [3, 4, 5]


def test_a_number_from_before_a_restart_gives_all_there_is() -> None:
    bus = EventBus(silence=0.01)
    bus.publish("pool")
    assert numbers(bus, 4000) == [1]


def test_silence_is_an_empty_event_and_reading_goes_on() -> None:
    bus = EventBus(silence=0.01)
    reader = bus.subscribe()
    assert [next(reader), next(reader)] == [{}, {}]
    bus.publish("pool")
    assert next(reader)["id"] == 1


def test_a_slow_reader_is_dropped_and_told_so_while_publishing_goes_on() -> None:
    bus = EventBus(keep=3)
    reader = bus.subscribe()
    bus.publish("pool")
    assert next(reader)["id"] == 1
    for _ in range(4):
        bus.publish("pool")
    assert [event["type"] for event in reader] == ["dropped"]


def test_all_readers_get_all_events_and_end_when_the_bus_closes() -> None:
    bus = EventBus()
    readers = [bus.subscribe() for _ in range(4)]
    got: list[list[Mapping[str, Any]]] = [[] for _ in readers]
    threads = [
        threading.Thread(target=lambda number=number: got[number].extend(readers[number]))
        for number in range(len(readers))
    ]
    for thread in threads:
        thread.start()
    for _ in range(100):
        bus.publish("pool")
    bus.close()
    for thread in threads:
        thread.join(30)
    assert [[event["id"] for event in events] for events in got] == [list(range(1, 101))] * 4
