"""What has passed with an image, in a file that survives interruptions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KEPT", "Passed", "built_image"]

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "out" / "test-long"


def built_image() -> str:
    """Name the system on the ISO that was built last: results hold for it alone."""
    manifest = json.loads((ROOT / "out" / "manifest.json").read_text(encoding="utf-8"))
    return str(manifest["squashfs_sha256"])


@dataclass(frozen=True)
class Passed:
    """The names of what has passed with one image."""

    image: str
    path: Path = KEPT / "passed.json"

    def names(self) -> list[str]:
        """Name them in the order in which they passed."""
        try:
            record = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return list(record["cases"]) if record.get("image") == self.image else []

    def add(self, name: str) -> None:
        """Note one more; what passed with another image is forgotten."""
        self._write([*dict.fromkeys([*self.names(), name])])

    def forget(self, names: Iterable[str]) -> None:
        """Have these run again."""
        gone = set(names)
        self._write([name for name in self.names() if name not in gone])

    def _write(self, names: Sequence[str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        text = json.dumps({"image": self.image, "cases": list(names)}, indent=1)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path)
