"""Package sources, for as long as something is installed into a tree: what fills in a base's files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .images import Base
from .loopback import serving
from .mirrors import MirrorUrls, file_of
from .repositories import KEYS, check_key, render, render_own

__all__ = ["MIRROR", "OWN", "open_sources", "set_urls"]

MIRROR = "mirror"
"""Directory of a package set with the base's repositories."""

OWN = "own"
"""Directory of a package set with a repository of packages that are made for the build."""

_KEYS = ".keys"  # no repository's id begins with a dot
_OWN = ".own"


def set_urls(folder: Path, base: Base) -> MirrorUrls:
    """Return where a base's repositories are in a package set."""
    urls = {
        repository.id: (folder / MIRROR / repository.id).as_uri() for repository in base.mirrors.repositories
    }
    own = folder / OWN
    return MirrorUrls(next(iter(urls.values())), repositories=urls, own=own if own.is_dir() else None)


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
    own = {_OWN: mirrors.own} if mirrors.own else {}
    with serving({_KEYS: root / KEYS, **local, **own}) as here:
        urls = {
            name: f"{here}/{name}" if name in local else url for name, url in mirrors.repositories.items()
        }
        at = {name: f"{here}/{_KEYS}/{path.name}" for name, path in keys.items()}
        text = render(base.mirrors.repositories, urls, at)
        yield {**values, "repositories": text + (render_own(f"{here}/{_OWN}") if own else "")}
