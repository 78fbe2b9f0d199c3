"""libvirt's event loop on hostd's: libvirtaio, made fit for connections that many threads use.

libvirt calls the loop's functions from whatever thread makes a call or happens to read an event, while
asyncio's loop may only be touched from its own. So every call is carried over, in the order they came. None
waits: libvirt holds locks meanwhile that the loop's thread may want.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Any

__all__ = ["install"]


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Have libvirt use this loop, from any thread; before a connection is opened that shall give events."""
    import libvirtaio

    class Carried(libvirtaio.virEventAsyncIOImpl):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(loop=loop)
            # libvirt wants a number at once, libvirtaio gives its own when its turn comes.
            self._numbers = itertools.count(1)
            self._carried: dict[int, int] = {}

        def _add_handle(self, fd: int, event: int, cb: Any, opaque: Any) -> int:
            return self._add(cb, lambda called: super(Carried, self)._add_handle(fd, event, called, opaque))

        def _update_handle(self, watch: int, event: int) -> None:
            self._carry(lambda: super(Carried, self)._update_handle(self._carried[watch], event))

        def _remove_handle(self, watch: int) -> int:
            self._carry(lambda: super(Carried, self)._remove_handle(self._carried.pop(watch)))
            return 0

        def _add_timeout(self, timeout: int, cb: Any, opaque: Any) -> int:
            return self._add(cb, lambda called: super(Carried, self)._add_timeout(timeout, called, opaque))

        def _update_timeout(self, timer: int, timeout: int) -> None:
            self._carry(lambda: super(Carried, self)._update_timeout(self._carried[timer], timeout))

        def _remove_timeout(self, timer: int) -> int:
            self._carry(lambda: super(Carried, self)._remove_timeout(self._carried.pop(timer)))
            return 0

        def _add(self, cb: Any, add: Callable[[Any], int]) -> int:
            number = next(self._numbers)

            def called(_number: int, *rest: Any) -> None:
                cb(number, *rest)

            def work() -> None:
                self._carried[number] = add(called)

            self._carry(work)
            return number

        def _carry(self, work: Callable[[], Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed: hostd ends
                self.loop.call_soon_threadsafe(work)

    Carried().register()
