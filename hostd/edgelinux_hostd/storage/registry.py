"""The pools that this host has besides its own, recorded by GUID: a boot imports these and no others."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["PATH", "forget", "load", "parse", "record"]

PATH = Path("/var/lib/edgelinux/pools.json")


def load(path: Path = PATH) -> dict[int, str]:
    """Map the GUIDs of the recorded pools to the names they are imported under; raises EdgeLinuxError."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeLinuxError(f"cannot read {path}: {error}") from error


def parse(text: str, where: str) -> dict[int, str]:
    """Read the file's content: one object, GUID → name; `where` names it in errors. Raises EdgeLinuxError."""
    try:
        return {int(guid): str(name) for guid, name in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        raise EdgeLinuxError(
            f"{where}: not a list of pools", hint='one object, {"GUID": "name"}, or remove it'
        ) from None


def record(guid: int, name: str, path: Path = PATH) -> None:
    """Have a pool imported at every boot from now on, under this name."""
    with _locked(path):
        _write({**load(path), guid: name}, path)


def forget(guid: int, path: Path = PATH) -> None:
    """Have a pool no longer imported at boot; no-op when it was not."""
    with _locked(path):
        found = load(path)
        if found.pop(guid, None) is not None:
            _write(found, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(pools: Mapping[int, str], path: Path) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({str(guid): name for guid, name in sorted(pools.items())}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
