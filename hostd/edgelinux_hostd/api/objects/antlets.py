"""An antlet on the wire: antMan's AntletSimple."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from edgelinux_hostd.antlets import records
from edgelinux_hostd.antlets.numbers import FIRST, LAST
from edgelinux_hostd.api.objects.base import AntletName, Input, TemplateName, Wire
from edgelinux_hostd.api.objects.vnics import Vnic, vnics
from edgelinux_hostd.sizes import human

__all__ = ["AntletObject", "ChangedAntlet", "CloneInput", "NewAntlet", "Zpool", "antlet_object"]

_MIB = 1024**2
_READ_ONLY: Any = Field(default=None, json_schema_extra={"readOnly": True})

Compression = Literal["off", "lz4", "inherit"]


class Zpool(Wire):
    """The pool that an antlet is in."""

    name: str
    compression: str
    mountpoint: str
    capacity: str
    size: str
    health: str
    mounted: bool
    managed_origin: str = Field(alias="antsle:managed-origin")


class AntletObject(Wire):
    """An antlet. `ram` is in MiB, `zfs-quota` and `used` in bytes; `problem` says why a damaged one is."""

    dname: str
    ram: int
    cpu: int
    template: str
    antlet_num: int
    zpool_name: str
    compression: str
    zfs_quota: int
    description: str
    autostart: bool
    order: int
    nics: tuple[Vnic, ...]
    ip: str
    dtype: str
    state: str
    uuid: str
    ram_display: str
    storage_display: str
    used: int
    origin: str
    problem: str
    zpool: Zpool | None = None


class _Antlet(Input):
    ram: int | None = Field(default=None, ge=16, description="MiB")
    cpu: int | None = Field(default=None, ge=1)
    antlet_num: int | None = Field(default=None, ge=FIRST, le=LAST)
    zpool_name: str | None = None
    compression: Compression | None = None
    zfs_quota: int | None = Field(default=None, ge=0, description="bytes, 0 for none")
    description: str | None = Field(default=None, max_length=4096)
    autostart: bool | None = None
    order: int | None = Field(default=None, ge=0, le=999)
    nics: tuple[Vnic, ...] | None = None
    # What a client got it may send back, as it is.
    ip: Any = _READ_ONLY
    dtype: Any = _READ_ONLY
    state: Any = _READ_ONLY
    uuid: Any = _READ_ONLY
    ram_display: Any = _READ_ONLY
    storage_display: Any = _READ_ONLY
    zpool: Any = _READ_ONLY
    used: Any = _READ_ONLY
    origin: Any = _READ_ONLY
    problem: Any = _READ_ONLY


class NewAntlet(_Antlet):
    """An antlet to be created. `version` is the template's, `ssh-keys` are public keys for its first user."""

    dname: AntletName
    template: TemplateName
    version: str | None = None
    ssh_keys: tuple[str, ...] = ()
    start: bool = False


class ChangedAntlet(_Antlet):
    """What an antlet shall be; fields left out stay as they are. Name, template and pool cannot change."""

    dname: str | None = None
    template: str | None = None
    disk: int | None = Field(default=None, ge=1, description="bytes; a machine's first disk grows to it")


class CloneSource(Input):
    """The antlet to be cloned; a new snapshot is taken when none is named."""

    dname: str
    snapshot_name: str | None = None


class CloneTarget(Input):
    """The clone; it is always in the pool of its source."""

    dname: AntletName
    compression: Compression = "inherit"
    zpool_name: str | None = None
    antlet_num: int | None = Field(default=None, ge=FIRST, le=LAST)


class CloneInput(Input):
    """What to clone as what."""

    src_antlet: CloneSource
    dst_antlet: CloneTarget
    start: bool = False


def antlet_object(antlet: records.Antlet, pools: Mapping[str, Mapping[str, Any]]) -> AntletObject:
    """Give an antlet as it is sent; `pools` maps their names to what the agent says of them."""
    spec = antlet.spec
    return AntletObject(
        dname=antlet.name,
        ram=spec.ram if spec else 0,
        cpu=spec.cpu if spec else 0,
        template=spec.template if spec else "",
        antlet_num=antlet.number,
        zpool_name=antlet.pool,
        compression=antlet.compression,
        zfs_quota=antlet.quota,
        description=spec.description if spec else "",
        autostart=spec.autostart if spec else False,
        order=spec.order if spec else 0,
        nics=vnics(antlet.number, spec.nics) if spec else (),
        ip=antlet.ip,
        dtype=antlet.kind,
        state=str(antlet.state),
        uuid=antlet.uuid,
        ram_display=human(spec.ram * _MIB) if spec else "",
        storage_display=human(antlet.used),
        used=antlet.used,
        origin=antlet.origin,
        problem=antlet.problem,
        zpool=_zpool(antlet, pools.get(antlet.pool)),
    )


def _zpool(antlet: records.Antlet, pool: Mapping[str, Any] | None) -> Zpool | None:
    if pool is None:
        return None
    return Zpool(
        name=antlet.pool,
        compression=antlet.compression,
        mountpoint=str(pool.get("mountpoint") or ""),
        capacity=f"{pool.get('capacity', 0)}%",
        size=human(pool.get("size") or 0),
        health=str(pool.get("health", "")),
        mounted=antlet.mounted,
        **{"antsle:managed-origin": antlet.origin},
    )
