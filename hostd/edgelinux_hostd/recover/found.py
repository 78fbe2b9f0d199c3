"""What lies in the pools: datasets with all that tells whether, and which, antlet each of them is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID as Uuid

from edgelinux_hostd.antlets import spec
from edgelinux_hostd.antlets.names import check_antlet_name
from edgelinux_hostd.antlets.numbers import check_number
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.recover.rebuild import salvage
from edgelinux_hostd.storage.base import JOB, KIND, NUMBER, UUID, DatasetInfo, Storage

__all__ = ["SYSTEM", "Existing", "Found", "mounted_at", "survey"]

# A pool's own datasets, which are no antlets.
SYSTEM = ("ROOT", "STATE", "TEMPLATES")

_XML = "antlet.xml.j2"
_TEMPLATE = "template.yaml"
# More than that is nothing hostd wrote.
_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Existing:
    """An antlet that this host has already."""

    dataset: str
    name: str
    number: int
    uuid: Uuid


@dataclass(frozen=True)
class Found:
    """A dataset, and what it says of itself.

    `local` are its local properties; `text` is antlet.yaml, `spec` what it means, None when it is absent or
    damaged; `xml` and `template` are the files beside it, `directories` what else is there.
    """

    dataset: str
    local: Mapping[str, str] = field(default_factory=dict)
    mounted: bool = True
    text: str | None = None
    spec: spec.AntletSpec | None = None
    problem: str = ""
    xml: str = ""
    template: str = ""
    directories: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Give the name: that of the dataset, which is where the antlet is; empty when it can be none."""
        try:
            return check_antlet_name(self.dataset.rpartition("/")[2])
        except EdgeLinuxError:
            return ""

    @property
    def number(self) -> int | None:
        """Give the number by property, else by antlet.yaml, however damaged."""
        for text in (
            self.local.get(NUMBER),
            *([self.spec.number] if self.spec else []),
            self.saved("number"),
        ):
            try:
                return check_number(int(str(text)))
            except (ValueError, EdgeLinuxError):
                continue
        return None

    @property
    def uuid(self) -> Uuid | None:
        """Give the uuid by property, else by antlet.yaml, however damaged."""
        for text in (self.local.get(UUID), *([self.spec.uuid] if self.spec else []), self.saved("uuid")):
            try:
                return Uuid(str(text))
            except ValueError:
                continue
        return None

    @property
    def is_antlet(self) -> bool:
        """Say whether it calls itself an antlet, and a whole one."""
        kind = self.local.get(KIND)
        if JOB in self.local:
            return False
        return kind == "antlet" or (kind is None and self.text is not None)

    def saved(self, key: str) -> object:
        """Give what can still be read of one field of antlet.yaml."""
        return salvage(self.text or "").get(key)


def mounted_at(info: DatasetInfo) -> Path | None:
    """Give the directory that a file system is mounted at; None when it is not."""
    return info.mountpoint if info.mounted else None


def survey(
    storage: Storage,
    new_pools: Collection[str],
    directory: Callable[[DatasetInfo], Path | None] = mounted_at,
) -> tuple[tuple[Found, ...], tuple[Existing, ...]]:
    """List what is to be brought back, and the antlets that are here and well.

    `new_pools` are those that were imported for it; in others, what is well is left out of the first list.
    `directory` says where a file system can be read.
    """
    found, existing = [], []
    for pool in storage.pools():
        for info in storage.datasets(pool):
            if info.name.rpartition("/")[2] in SYSTEM:
                continue
            one = _look(info, directory(info))
            if pool not in new_pools:
                known = _known(one)
                if known:
                    existing.append(known)
                if known and one.spec is not None:
                    continue
                if not one.is_antlet:
                    continue  # somebody's, or a running job's, in a pool of this host: no news
            found.append(one)
    return tuple(found), tuple(existing)


def _known(one: Found) -> Existing | None:
    number, uuid = one.number, one.uuid
    if one.local.get(KIND) != "antlet" or not one.name or number is None or uuid is None:
        return None
    whole = one.local.get(NUMBER) == str(number) and one.local.get(UUID) == str(uuid)
    return Existing(one.dataset, one.name, number, uuid) if whole else None


def _look(info: DatasetInfo, directory: Path | None) -> Found:
    if directory is None:
        return Found(info.name, info.local, mounted=False, problem="it is not mounted")
    text, read, problem = _read(directory / spec.FILE), None, ""
    if text is None:
        problem = f"there is no {spec.FILE}"
    else:
        try:
            read = spec.parse(text, spec.FILE)
        except EdgeLinuxError as error:
            problem = error.message
    return Found(
        dataset=info.name,
        local=info.local,
        text=text,
        spec=read,
        problem=problem,
        xml=_read(directory / _XML) or "",
        template=_read(directory / _TEMPLATE) or "",
        directories=tuple(name for name in ("rootfs", "disks") if (directory / name).is_dir()),
    )


def _read(path: Path) -> str | None:
    """Read a file, as far as it is text; None when there is none. Links lead out of the antlet."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT).decode("utf-8", errors="replace")
    except OSError:
        return None
