"""The templates that are installed: listing, finding, naming versions, and what stands against a deletion."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.antlets.records import Dependency, Template, TemplateVersion
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.storage.base import KIND, DatasetInfo, Storage
from edgelinux_hostd.templates import template_file

__all__ = [
    "PARENT",
    "DeletePlan",
    "dataset_of",
    "delete_plan",
    "dependencies",
    "find",
    "next_version",
    "template",
    "templates",
    "version_of",
]

PARENT = "TEMPLATES"


@dataclass(frozen=True)
class DeletePlan:
    """What deleting a template destroys, in order: snapshots, then the dataset when all of it goes."""

    destroy: tuple[str, ...]


def dataset_of(pool: str, name: str) -> str:
    """Name the dataset of a template."""
    return f"{pool}/{PARENT}/{name}"


def templates(storage: Storage) -> tuple[Template, ...]:
    """List the templates of all pools, sorted by name; a dataset that is not one of hostd's is left out."""
    return tuple(sorted(_all(storage), key=lambda template: (template.name, template.pool)))


def template(storage: Storage, name: str, pool: str | None = None) -> Template:
    """Describe one template, in one pool or the first that has it; raises NotFoundError."""
    for where in storage.pools():
        info = storage.dataset(dataset_of(where, name)) if pool in (None, where) else None
        found = _describe(storage, where, info) if info is not None else None
        if found is not None:
            return found
    return find(templates(storage), name, pool)


def _all(storage: Storage) -> Iterator[Template]:
    for pool in storage.pools():
        for info in storage.datasets(f"{pool}/{PARENT}", sizes=True):
            found = _describe(storage, pool, info)
            if found is not None:
                yield found


def _describe(storage: Storage, pool: str, info: DatasetInfo) -> Template | None:
    """Describe a template; None for what is none, what an import has not finished, or what is damaged."""
    if info.local.get(KIND) != "template":
        return None
    directory = info.mountpoint or Path("/nonexistent")
    try:
        spec = template_file.load(directory)
    except EdgeLinuxError:
        return None
    return Template(
        name=info.name.rpartition("/")[2],
        pool=pool,
        dataset=info.name,
        directory=directory,
        kind=spec.kind,
        description=spec.description or spec.label,
        ram=spec.ram,
        cpu=spec.cpu,
        creation=info.creation,
        used=info.used,
        logical=info.logical,
        origin=info.origin,
        versions=tuple(
            TemplateVersion(
                snapshot.name.partition("@")[2], snapshot.name, snapshot.creation, snapshot.clones
            )
            for snapshot in storage.snapshots(info.name)
        ),
    )


def find(installed: Sequence[Template], name: str, pool: str | None = None) -> Template:
    """Find a template by name, in one pool or any; raises NotFoundError, which lists what there is."""
    named = [template for template in installed if template.name == name]
    for template in named:
        if pool is None or template.pool == pool:
            return template
    if named:
        where = ", ".join(template.pool for template in named)
        raise NotFoundError(f"pool {pool} has no template {name!r}", hint=f"it is in {where}")
    there = ", ".join(sorted({template.name for template in installed}))
    raise NotFoundError(
        f"there is no template {name!r}", hint=f"there are {there}" if there else "none is installed"
    )


def version_of(template: Template, version: str | None = None) -> TemplateVersion:
    """Find a version of a template, the newest when none is named; raises NotFoundError."""
    if not template.versions:
        raise NotFoundError(
            f"template {template.name!r} has no version yet",
            hint="its import has not ended; `antlet job list`",
        )
    if version is None:
        return template.versions[-1]
    for found in template.versions:
        if found.name == version:
            return found
    raise NotFoundError(
        f"template {template.name!r} has no version {version!r}",
        hint=f"it has {', '.join(found.name for found in template.versions)}",
    )


def next_version(taken: Collection[str], today: datetime.date) -> str:
    """Name the next version: the day, and from the second of a day on "-2", "-3", …"""
    day = today.isoformat()
    if day not in taken:
        return day
    count = 2
    while f"{day}-{count}" in taken:
        count += 1
    return f"{day}-{count}"


def dependencies(template: Template, version: str | None = None) -> tuple[Dependency, ...]:
    """List the clones of a template, or of one of its versions: antlets, and templates made of them."""
    return tuple(
        Dependency(
            "template" if f"/{PARENT}/" in clone else "antlet", clone.rpartition("/")[2], found.snapshot
        )
        for found in template.versions
        if version is None or found.name == version
        for clone in found.clones
    )


def delete_plan(template: Template, version: str | None = None) -> DeletePlan:
    """Plan a deletion: of all of a template, or of one version.

    Raises NotFoundError, RefusedError with what was cloned from it in `items`, and InvalidError for the only
    version.
    """
    if version is not None:
        version_of(template, version)
    clones = dependencies(template, version)
    what = f"template {template.name!r}" if version is None else f"version {version} of {template.name!r}"
    if clones:
        items = tuple(f"{found.kind} {found.name}" for found in clones)
        raise RefusedError(
            f"{what} cannot be deleted: {len(items)} depend on it",
            hint=f"delete first: {', '.join(items)}",
            items=items,
        )
    if version is None:
        return DeletePlan((*(found.snapshot for found in template.versions), template.dataset))
    if len(template.versions) == 1:
        raise InvalidError(
            f"{version} is the only version of template {template.name!r}", hint="delete the template"
        )
    return DeletePlan((version_of(template, version).snapshot,))
