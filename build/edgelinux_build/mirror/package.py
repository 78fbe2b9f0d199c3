"""A package of a mirror, as mirror.json tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["MirrorPackage"]


@dataclass(frozen=True)
class MirrorPackage:
    """What the metadata of its repository says of a package."""

    name: str
    evr: str
    """[epoch:]version-release, as the base's package manager prints it."""
    arch: str
    repository: str
    sha256: str
    """Of the package file, which is `size` bytes long."""
    size: int
    path: str
    """Of the package file, below the mirror."""
    sourcerpm: str
    """The source package: its file's name, or its name and version."""
    license: str
    homepage: str
    maintainer: str
    built: int = 0
    """In seconds since the epoch; 0 where the metadata does not say."""

    @property
    def what(self) -> str:
        """How a person knows it."""
        return f"{self.name}-{self.evr}.{self.arch}"

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> MirrorPackage:
        """Return what `to_json` made; raises KeyError."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})
