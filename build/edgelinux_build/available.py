"""What the repositories of a base have, of what was asked; whichever package manager was asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Answer", "Newest", "nearest"]

_NEAREST = 3
_LOOKED_AT = 20
_CUTOFF = 0.6
_SAME = 0.9
_PART = 3


@dataclass(frozen=True)
class Newest:
    """The newest version of a package that the repositories have."""

    version: str
    order: int
    """Positive when it is newer than the one it is held against, negative when older, by the package
    manager's own order of versions."""
    repository: str
    security: bool = False
    """Whether it mends a weakness of the one it is held against, as far as the repositories say."""
    errata: tuple[str, ...] = ()
    """Of security, by their identifiers."""


@dataclass(frozen=True)
class Answer:
    """What all repositories together answered."""

    repositories: tuple[str, ...]
    packages: int
    """How many packages they have for the base's architecture."""
    missing: tuple[str, ...]
    names: tuple[str, ...] = field(default=(), repr=False)
    """What packages are called; empty when nothing is missing."""
    provides: tuple[str, ...] = field(default=(), repr=False)
    """What packages provide, beyond their names, libraries and files; empty when nothing is missing."""
    newest: Mapping[str, Newest] = field(default_factory=dict)
    """Of the installed packages that were asked for; those that are nowhere are not in it."""


def nearest(name: str, answer: Answer) -> tuple[str, ...]:
    """Return the few names most like one that is missing: packages', else what they provide."""
    return _nearest(name, answer.names) or _nearest(name, answer.provides)


def _nearest(name: str, names: Sequence[str]) -> tuple[str, ...]:
    name = name.split()[0]
    parts = _parts(name)
    # difflib alone takes seconds for all the names of a distribution.
    alike = [other for other in names if not parts.isdisjoint(_parts(other))]
    found = difflib.get_close_matches(name, alike, n=_LOOKED_AT, cutoff=_CUTOFF)
    return tuple(other for other in found if _differ_little(name, other))[:_NEAREST]


def _differ_little(name: str, other: str) -> bool:
    """Say whether two names are alike in more than the words they share, such as `python3-`."""
    one, two = name.split("-"), other.split("-")
    for end in (0, -1):
        while one and two and one[end] == two[end]:
            del one[end], two[end]
    if not one or not two:
        return True
    rest = difflib.SequenceMatcher(None, "-".join(one), "-".join(two)).ratio()
    return rest >= _CUTOFF or difflib.SequenceMatcher(None, name, other).ratio() >= _SAME


def _parts(name: str) -> set[str]:
    return set(_slices(name.lower()))


def _slices(name: str) -> Iterable[str]:
    return (name[start : start + _PART] for start in range(max(len(name) - _PART + 1, 1)))
