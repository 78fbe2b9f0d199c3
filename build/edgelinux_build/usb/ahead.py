"""Reads while something else is done with what was read before."""

from __future__ import annotations

import mmap
import queue
import threading
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import TypeVar

__all__ = ["CHUNK", "ahead", "buffers"]

CHUNK = 4 * 2**20
"""Bytes that are read or written at once: whole erase blocks of a stick, and few system calls."""

_DEPTH = 2
_END = object()
_LOOK_SECONDS = 0.2

T = TypeVar("T")


def buffers() -> Iterator[memoryview]:
    """Give buffers of CHUNK bytes for ever, aligned as O_DIRECT wants them (open(2)).

    Each may be filled again once `ahead`, through which it went, was asked for the one after it.
    """
    # What waits, what is being filled, and what the caller has.
    return cycle([memoryview(mmap.mmap(-1, CHUNK)) for _ in range(_DEPTH + 2)])


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Give the items, made in a thread of its own a few in advance; raises what making them raises."""
    waiting: queue.Queue[object] = queue.Queue(_DEPTH)
    given_up = threading.Event()
    errors: list[BaseException] = []

    def put(item: object) -> bool:
        while not given_up.is_set():
            try:
                waiting.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:
            errors.append(error)
        put(_END)

    thread = threading.Thread(target=make, name="reading ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            yield item  # type: ignore[misc]
    finally:
        given_up.set()
    if errors:
        raise errors[0]
