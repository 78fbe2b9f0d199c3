"""What is known about antlets, snapshots and templates at a moment: plain records, made by the inventory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.antlets.spec import AntletSpec, Kind
from edgelinux_hostd.runtime.base import State

__all__ = ["Antlet", "Dependency", "Snapshot", "Template", "TemplateVersion"]


@dataclass(frozen=True)
class Antlet:
    """An antlet, from its dataset, its specification and its runtime.

    Name, number and uuid are the dataset's properties. `spec` is None and `problem` says why when antlet.yaml
    cannot be read. Sizes are in bytes; `quota` is 0 for none.
    """

    name: str
    number: int
    uuid: str
    pool: str
    dataset: str
    directory: Path
    kind: Kind
    spec: AntletSpec | None
    state: State
    ip: str = ""
    problem: str = ""
    used: int = 0
    quota: int = 0
    compression: str = "inherit"
    origin: str = ""
    mounted: bool = True


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of an antlet. `name` is without the dataset; `creation` in seconds since 1970; bytes.

    `clones` names the datasets that were cloned from it.
    """

    name: str
    antlet: str
    dataset: str
    creation: int
    used: int
    referenced: int
    logical: int
    clones: tuple[str, ...] = ()


@dataclass(frozen=True)
class TemplateVersion:
    """A version of a template: a snapshot of its dataset, cloned when an antlet is created."""

    name: str
    snapshot: str
    creation: int
    clones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """An installed template. `versions` are sorted, the newest last; bytes."""

    name: str
    pool: str
    dataset: str
    directory: Path
    kind: Kind
    description: str = ""
    ram: int = 0
    cpu: int = 0
    creation: int = 0
    used: int = 0
    logical: int = 0
    origin: str = ""
    versions: tuple[TemplateVersion, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Dependency:
    """What depends on an antlet or template: a clone of one of its snapshots, or a snapshot itself."""

    kind: str
    name: str
    of: str
