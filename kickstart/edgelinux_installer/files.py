"""Writing the new system's files."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write"]


def write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file with its mode from the beginning, making its directory; a link there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
