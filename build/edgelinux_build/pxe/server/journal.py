"""What happened, as JSON lines that outlive the server: no token, no kickstart, nothing secret."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Happening", "Journal"]


@dataclass(frozen=True)
class Happening:
    """One event. `time` is in seconds since 1970; `mac` is "" for what concerns no one machine."""

    time: float
    mac: str
    event: str
    text: str = ""
    """One line for people."""
    details: dict[str, str | int | float | list[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Give the journal's line: time (RFC 3339), mac, event, text and the details that are known."""
        time = datetime.datetime.fromtimestamp(self.time, datetime.UTC).isoformat(timespec="milliseconds")
        known = {key: value for key, value in self.details.items() if value not in ("", [])}
        fixed = {"time": time.replace("+00:00", "Z"), "mac": self.mac, "event": self.event}
        return json.dumps({**fixed, **({"text": self.text} if self.text else {}), **known})


class Journal:
    """Appends to a file of mode 0600. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, happening: Happening) -> None:
        """Write a line; raises EdgeLinuxError."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(happening.to_json() + "\n")
        except OSError as error:
            raise EdgeLinuxError(f"cannot write {self._path}: {error.strerror}") from error
