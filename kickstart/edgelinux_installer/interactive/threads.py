"""Work in threads beside urwid's loop, whose widgets only the loop's own thread may touch."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["background", "notifier"]

log = logging.getLogger(__name__)
T = TypeVar("T")


def background(
    loop: Any, action: Callable[[], T], finished: Callable[[T | None, EdgeLinuxError | None], None]
) -> None:
    """Run something in a thread, then `finished` in the loop with its result, or with its error.

    Errors that nobody expected come as one of ours, and in full in the log.
    """
    result: list[Any] = [None, None]

    def on_end(_data: bytes) -> bool:
        finished(*result)
        return False

    pipe = loop.watch_pipe(on_end)

    def thread() -> None:
        try:
            result[0] = action()
        except EdgeLinuxError as error:
            result[1] = error
        except KeyboardInterrupt:
            result[1] = EdgeLinuxError("interrupted")
        except Exception as error:
            log.exception("unexpected")
            result[1] = EdgeLinuxError(f"unexpected {type(error).__name__}: {error}")
        finally:
            os.write(pipe, b"x")
            os.close(pipe)

    threading.Thread(target=thread, daemon=True).start()


def notifier(loop: Any, action: Callable[[], None]) -> Callable[[], None]:
    """Give a function for other threads that has `action` done in the loop."""

    def on_data(_data: bytes) -> bool:
        action()
        return True

    pipe = loop.watch_pipe(on_data)

    def notify() -> None:
        os.write(pipe, b"x")

    return notify
