"""What every stage of the build is: a name, inputs that make its key, and a run that makes its result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .cache import Result
from .images import Base, Image
from .inputs import Json, key_of
from .lock import Lock
from .mirrors import MirrorUrls, find_mirrors
from .sources import open_sources, set_urls

__all__ = ["PACKAGE_SET", "Context", "NotYetKnown", "Project", "Stage", "Upstream", "package_sets"]

GIB = 2**30

PACKAGE_SET = "package-set"
"""What the names of stages begin with that get packages ahead of those which install them."""


def package_sets(base: Base, template: str = "") -> tuple[str, ...]:
    """Name the stage that gets the packages of the host, or of a template; none for bases without one."""
    if not base.mirrors.repositories:
        return ()
    return (f"{PACKAGE_SET}-{template}" if template else PACKAGE_SET,)


class NotYetKnown(Exception):
    """A stage's inputs depend on what another stage has yet to make."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


@dataclass(frozen=True)
class Project:
    """What is built, from what."""

    root: Path
    image: Image
    base: Base
    why_base: str
    kickstart: str
    unattended: bool
    serial: str
    """Console argument of the serial console, such as `ttyS0,115200`; empty for none."""
    epoch: int
    """Time stamp of everything that is made, in seconds (SOURCE_DATE_EPOCH)."""
    out: Path
    jobs: int
    lock: Lock | None = None
    """The lock file, if there is one for this image and base."""
    locked: bool = False
    """Whether only what the lock file names may go in."""
    commit: str = ""
    """What the repository is at, when it is at exactly that."""
    asks: bool = False
    """Whether the medium asks at the machine what to install: nobody gave it a site file."""
    sign_key: str = ""
    """OpenPGP key that signs the checksums: a key's id or fingerprint, or a file."""

    @property
    def stamp(self) -> dict[str, Json]:
        """Further inputs of stages whose results hold the epoch.

        None without a lock: those results are kept from commit to commit, whatever the time in them.
        """
        return {"epoch": self.epoch} if self.locked else {}

    def locked_to(self, packages: Literal["packages", "zfs_packages"]) -> dict[str, Json]:
        """Further inputs of stages that take packages from an archive: which, in a locked build."""
        if not self.locked or self.lock is None:
            return {}
        return {"lock": key_of(self.lock.model_dump(mode="json")[packages]), **self.stamp}


@dataclass(frozen=True)
class Upstream:
    """What a plan knows of a stage that another one builds on."""

    name: str
    _identity: str | None
    _facts: Mapping[str, Json] | None

    @classmethod
    def of(cls, result: Result) -> Upstream:
        """Return all there is to know, of a stage that has a result."""
        return cls(result.stage, result.identity, result.facts)

    @property
    def identity(self) -> str:
        """What stands for its result; raises NotYetKnown."""
        if self._identity is None:
            raise NotYetKnown(self.name)
        return self._identity

    def fact(self, name: str) -> Json:
        """Something its result says about itself; raises NotYetKnown."""
        if self._facts is None:
            raise NotYetKnown(self.name)
        return self._facts[name]


@dataclass(frozen=True)
class Context:
    """What a running stage has to work with."""

    project: Project
    upstream: Mapping[str, Result]
    scratch: Path
    """On the same file system as the result; gone afterwards."""
    log: Path
    mirrors: Callable[[], MirrorUrls] = field(repr=False)
    """Finds the base's mirrors, once; raises EdgeLinuxError."""
    say: Callable[[str], None] = field(repr=False)

    @property
    def packages(self) -> Path | None:
        """The package set that the stage installs from; None if it takes its packages from a mirror."""
        return next(
            (result.path for name, result in self.upstream.items() if name.startswith(PACKAGE_SET)), None
        )

    def sources(self, base: Base) -> AbstractContextManager[dict[str, str]]:
        """Give the values that fill in a base's package sources; what they need is served meanwhile.

        Raises EdgeLinuxError.
        """
        return open_sources(self.project.root, base, self.mirrors_of(base))

    def mirrors_of(self, base: Base) -> MirrorUrls:
        """Find the mirrors of a base that may be another than the image's; raises EdgeLinuxError."""
        if self.packages:
            return set_urls(self.packages, base)
        return self.mirrors() if base.name == self.project.base.name else find_mirrors(base)


class Stage(ABC):
    """One step of the build. Its result depends on its inputs and on nothing else that matters."""

    name: str
    title: str
    version: int = 1
    """To be raised when the code of the stage changes what it makes."""
    needs: tuple[str, ...] = ()
    space: int = GIB // 4
    """Free bytes it may take."""
    published: bool = False
    """Whether its result goes to the output directory, not to the cache."""
    downloads: bool = False
    """Whether it needs a mirror."""
    identity_from_facts: bool = False
    """Whether the result's identity is known only when it is made (see `identity`)."""

    def __init__(self, *more: str) -> None:
        """Needs the results of `more` stages, beyond those that every stage of its kind needs."""
        self.needs = (*type(self).needs, *more)

    @abstractmethod
    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """Return what the result is made from; raises NotYetKnown."""

    @abstractmethod
    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Make the result in `out`; returns facts about it for other stages."""

    def identity(self, key: str, facts: Mapping[str, Json]) -> str:
        """Return what stands for the result in the keys of stages that build on it."""
        return key
