"""What each kind of job is asked for, validated before anything runs. Names on the wire have hyphens."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edgelinux_hostd.antlets.spec import Nic

__all__ = [
    "AntletAction",
    "CloneAntlet",
    "Compression",
    "CreateAntlet",
    "CreatePool",
    "DeleteAntlet",
    "DeleteSnapshot",
    "DeleteTemplate",
    "ForgetPool",
    "ImportTemplate",
    "MakeTemplate",
    "Params",
    "RebaseNetwork",
    "Recover",
    "RenameAntlet",
    "RestoreSnapshot",
    "ScrubPool",
    "StopAntlet",
    "TakeSnapshot",
    "UpdateAntlet",
]

Compression = Literal["off", "lz4", "inherit"]


class Params(BaseModel):
    """The base: unknown fields are errors, so that a misspelt option is never silently ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
    )


class CreateAntlet(Params):
    """Create an antlet as a clone of a template's version.

    `ram` (MiB) and `cpu` are the template's own when None, `number` the next free one, `pool` the template's.
    `quota` is in bytes, 0 for none.
    """

    name: str
    template: str
    version: str | None = None
    number: int | None = None
    pool: str | None = None
    ram: int | None = Field(default=None, ge=16)
    cpu: int | None = Field(default=None, ge=1)
    compression: Compression = "inherit"
    quota: int = Field(default=0, ge=0)
    description: str = Field(default="", max_length=4096)
    autostart: bool = False
    order: int = Field(default=100, ge=0, le=999)
    nics: tuple[Nic, ...] | None = None
    ssh_keys: tuple[str, ...] = ()
    start: bool = False


class AntletAction(Params):
    """Start, kill, pause or resume an antlet."""

    name: str


class StopAntlet(Params):
    """Stop or reboot an antlet: cleanly, then by force after `timeout` seconds."""

    name: str
    timeout: float = Field(default=60, ge=0, le=3600)


class UpdateAntlet(Params):
    """Change what an antlet shall be; None leaves a field as it is. `number` needs a stopped antlet.

    `disk` is the size in bytes that a machine's first disk grows to; one that runs sees it at its next start.
    """

    name: str
    number: int | None = None
    ram: int | None = Field(default=None, ge=16)
    cpu: int | None = Field(default=None, ge=1)
    description: str | None = Field(default=None, max_length=4096)
    autostart: bool | None = None
    order: int | None = Field(default=None, ge=0, le=999)
    compression: Compression | None = None
    quota: int | None = Field(default=None, ge=0)
    disk: int | None = Field(default=None, ge=1)
    nics: tuple[Nic, ...] | None = None


class RenameAntlet(Params):
    """Give a stopped antlet another name."""

    name: str
    new_name: str


class TakeSnapshot(Params):
    """Take a snapshot of an antlet; `snapshot` is a time stamp when None."""

    name: str
    snapshot: str | None = None


class DeleteSnapshot(Params):
    """Delete a snapshot that nothing was cloned from."""

    name: str
    snapshot: str


class RestoreSnapshot(Params):
    """Put a stopped antlet back to a snapshot; newer ones are destroyed only when told to."""

    name: str
    snapshot: str
    destroy_newer: bool = False


class CloneAntlet(Params):
    """Create an antlet as a clone of another one's snapshot; a new one is taken when `snapshot` is None."""

    source: str
    snapshot: str | None = None
    name: str
    number: int | None = None
    compression: Compression = "inherit"
    start: bool = False


class DeleteAntlet(Params):
    """Delete a stopped antlet that nothing depends on. `force`: stopped or not, with its snapshots.

    Clones of its snapshots keep it even then: they would be lost.
    """

    name: str
    force: bool = False


class MakeTemplate(Params):
    """Make a template, or a new version of one, of a stopped antlet."""

    antlet: str
    template: str
    description: str = Field(default="", max_length=4096)


class ImportTemplate(Params):
    """Import a template from files on this host.

    `source` is a root tarball, a disk image or a `zfs send` stream, `xml` its template file; both paths are
    absolute. `format` is told from the content when None. `privileged`: containers made of it may have the
    host's root as their own.
    """

    source: str
    xml: str | None = None
    template: str
    pool: str | None = None
    format: Literal["tar", "image", "zfs"] | None = None
    privileged: bool = False
    description: str = Field(default="", max_length=4096)


class DeleteTemplate(Params):
    """Delete an installed template, or one version of it; refused while clones depend on it."""

    template: str
    version: str | None = None


class RebaseNetwork(Params):
    """Give the antlets' network another base IP.

    Refused while antlets on it run, unless they may be restarted.
    """

    base_ip: str
    restart: bool = False


class CreatePool(Params):
    """Create a pool on disks that nothing uses; `disks` are paths, names below /dev or serial numbers.

    What lies on them is erased only when told to.
    """

    name: str
    layout: Literal["mirror", "single"]
    disks: tuple[str, ...] = Field(min_length=1)
    erase: bool = False


class ScrubPool(Params):
    """Start a scrub of a pool, or stop the one that runs."""

    name: str
    stop: bool = False


class ForgetPool(Params):
    """Forget a pool that is gone for good: it is no longer expected here. `name` is its name or its GUID."""

    name: str


class Recover(Params):
    """Import pools and bring back the antlets in them; `pools` are GUIDs as text, empty for all.

    Antlets whose number is taken are refused unless `renumber` gives them another one. `force` takes pools
    that another host had and did not export.
    """

    renumber: bool = False
    pools: tuple[str, ...] = ()
    dry_run: bool = False
    force: bool = False
