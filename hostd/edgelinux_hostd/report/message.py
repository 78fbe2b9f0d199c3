"""Making a report. Standard library only: a new host sends one, and pydantic takes it seconds to load."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["VERSION", "Event", "compose"]

VERSION = 1

Event = Literal["start", "progress", "success", "failure", "up"]


def compose(event: Event, machine: Mapping[str, Any], /, **known: Any) -> dict[str, Any]:
    """Make a report of what is known; what is empty or None is left out.

    `machine` has the keys macs, serial and uuid. The other keys are those of `model.Report`.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    report: dict[str, Any] = {"version": VERSION, "event": event, "time": now.replace("+00:00", "Z")}
    report["machine"] = {key: value for key, value in machine.items() if value}
    report |= {key: value for key, value in known.items() if value not in (None, "", (), [])}
    return report
