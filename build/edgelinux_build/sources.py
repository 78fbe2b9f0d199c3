"""Package sources, for as long as something is installed into a tree: what fills in a base's files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .images import Base
from .loopback import serving
from .mirrors import MirrorUrls, file_of
from .repositories import KEYS, check_key, render

__all__ = ["open_sources"]

_KEYS = ".keys"  # no repository's id begins with a dot


@contextlib.contextmanager
def open_sources(root: Path, base: Base, mirrors: MirrorUrls) -> Iterator[dict[str, str]]:
    """Give `archive`, `security` and `repositories`, the configuration of a base's RPM repositories.

    Keys, and mirrors that are directories, are served on the loopback meanwhile. Raises EdgeLinuxError when a
    key is not the one that the base names.
    """
    values = {"archive": mirrors.archive, "security": mirrors.security, "repositories": ""}
    if not base.mirrors.repositories:
        yield values
        return
    keys = {name: check_key(root, name, key) for name, key in base.mirrors.keys.items()}
    local = {name: path for name, url in mirrors.repositories.items() if (path := file_of(url))}
    with serving({_KEYS: root / KEYS, **local}) as here:
        urls = {
            name: f"{here}/{name}" if name in local else url for name, url in mirrors.repositories.items()
        }
        at = {name: f"{here}/{_KEYS}/{path.name}" for name, path in keys.items()}
        yield {**values, "repositories": render(base.mirrors.repositories, urls, at)}
