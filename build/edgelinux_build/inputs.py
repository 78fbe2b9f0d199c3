"""What a stage is made from, and the key that is the hash of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

__all__ = ["Json", "differences", "hash_file", "hash_files", "key_of"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_IGNORED = ("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")


def key_of(inputs: Mapping[str, Json]) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of a stage's inputs."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(root: Path, paths: Iterable[Path | str]) -> dict[str, Json]:
    """Map each file below the given paths of `root` to its mode and hash; what is not there is left out."""
    return {str(file.relative_to(root)): _hash_entry(file) for path in paths for file in _files(root / path)}


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or path.is_file():
        if path.suffix != ".pyc":
            yield path
    elif path.is_dir() and path.name not in _IGNORED:
        for child in sorted(path.iterdir()):
            yield from _files(child)


def _hash_entry(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    executable = "x" if os.access(path, os.X_OK) else "-"
    return f"{executable} {hash_file(path)}"


def differences(old: Json, new: Json, at: str = "") -> list[str]:
    """Name the inputs that differ, the way a person would: the dotted key, or the file."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for name in sorted(old.keys() | new.keys())
            for line in differences(old.get(name), new.get(name), f"{at}.{name}" if at else name)
        ]
    if old == new:
        return []
    name = re.sub(r"^(.*\.)?files\.", "", at)
    if old is None:
        return [f"{name} is new"]
    if new is None:
        return [f"{name} is gone"]
    return [f"{name} changed"]
