"""What is set for the whole host and must outlive hostd, by key."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from edgelinux_hostd.jobs.database import Database

__all__ = ["Settings"]

T = TypeVar("T")


class Settings:
    """Values of JSON by key. A value of another type than the default's counts as not set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, default: T) -> T:
        """Read a setting; it has the type of `default`."""
        rows = self._database.query("SELECT value FROM settings WHERE key = ?", (key,))
        if not rows:
            return default
        value: Any = json.loads(rows[0][0])
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        return value if type(value) is type(default) else default

    def set(self, key: str, value: str | int | float | bool | list[Any] | dict[str, Any]) -> None:
        """Persist a setting."""
        self._database.execute(
            "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, json.dumps(value))
        )

    def unset(self, key: str) -> None:
        """Put a setting back to its default."""
        self._database.execute("DELETE FROM settings WHERE key = ?", (key,))
