"""Snapshots and installed templates on the wire."""

from __future__ import annotations

from pydantic import Field

from edgelinux_hostd.antlets import records
from edgelinux_hostd.api.objects.base import Input, SnapshotName, TemplateName, Wire, moment
from edgelinux_hostd.sizes import human

__all__ = [
    "NewSnapshot",
    "NewTemplate",
    "SnapshotObject",
    "TemplateObject",
    "VersionObject",
    "snapshot_object",
    "template_object",
]


class SnapshotObject(Wire):
    """A snapshot. Sizes are in bytes, `creation` in seconds since 1970; `origin` is always empty."""

    name: str
    antlet_name: str
    zfs_path: str
    creation: int
    creation_display: str
    used: int
    used_display: str
    logicalreferenced: int
    logicalreferenced_display: str
    origin: str = ""
    origin_display: str = ""
    clones: tuple[str, ...]


class NewSnapshot(Input):
    """A snapshot to be taken; its name is a time stamp when left out."""

    name: SnapshotName | None = None
    antlet_name: str | None = None


class VersionObject(Wire):
    """A version of a template; `clones` names the datasets that were made of it."""

    name: str
    creation: int
    creation_display: str
    clones: tuple[str, ...]


class TemplateObject(Wire):
    """An installed template. Sizes are in bytes; `ram` (MiB) and `cpu` are what an antlet gets by default."""

    name: str
    zfs_path: str
    creation: int
    creation_display: str
    used: int
    used_display: str
    logicalreferenced: int
    logicalreferenced_display: str
    origin: str
    origin_display: str
    zpool_name: str
    dtype: str
    description: str
    ram: int
    cpu: int
    versions: tuple[VersionObject, ...]


class NewTemplate(Input):
    """A template, or a new version of one, to be made of a stopped antlet: the one of its name by default."""

    name: TemplateName
    antlet: str | None = None
    description: str = Field(default="", max_length=4096)


def snapshot_object(snapshot: records.Snapshot) -> SnapshotObject:
    """Give a snapshot as it is sent."""
    return SnapshotObject(
        name=snapshot.name,
        antlet_name=snapshot.antlet,
        zfs_path=f"{snapshot.dataset}@{snapshot.name}",
        creation=snapshot.creation,
        creation_display=moment(snapshot.creation),
        used=snapshot.used,
        used_display=human(snapshot.used),
        logicalreferenced=snapshot.logical,
        logicalreferenced_display=human(snapshot.logical),
        clones=snapshot.clones,
    )


def template_object(template: records.Template) -> TemplateObject:
    """Give a template as it is sent."""
    return TemplateObject(
        name=template.name,
        zfs_path=template.dataset,
        creation=template.creation,
        creation_display=moment(template.creation),
        used=template.used,
        used_display=human(template.used),
        logicalreferenced=template.logical,
        logicalreferenced_display=human(template.logical),
        origin=template.origin,
        origin_display=template.origin,
        zpool_name=template.pool,
        dtype=template.kind,
        description=template.description,
        ram=template.ram,
        cpu=template.cpu,
        versions=tuple(
            VersionObject(
                name=version.name,
                creation=version.creation,
                creation_display=moment(version.creation),
                clones=version.clones,
            )
            for version in template.versions
        ),
    )
