"""Does what a recovery plan says, one action at a time; each may run again and comes out the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from edgelinux_hostd.antlets import spec
from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError
from edgelinux_hostd.recover.found import mounted_at, survey
from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.recover.plan import Action, Plan, plan_recovery
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.base import DatasetInfo, Storage

__all__ = ["perform", "plan"]


def plan(
    storage: Storage,
    imported: Collection[PoolImport],
    *,
    renumber: bool = False,
    directory: Callable[[DatasetInfo], Path | None] = mounted_at,
) -> Plan:
    """Plan the recovery from the pools that were imported for it, and of damaged antlets in the others.

    `directory` says where a file system can be read. Raises RefusedError when something collides and
    `renumber` is false.
    """
    found, existing = survey(storage, {pool.name for pool in imported}, directory)
    planned = plan_recovery(found, existing, renumber=renumber)
    planned.check()
    keep = [Action(kind="keep-pool", dataset=pool.name, values={"guid": pool.guid}) for pool in imported]
    return planned.model_copy(update={"actions": (*keep, *planned.actions)})


def perform(action: Action, storage: Storage, record: Path = registry.PATH) -> None:
    """Do one action; raises EdgeLinuxError."""
    match action.kind:
        case "keep-pool":
            registry.record(int(action.values["guid"]), action.dataset, record)
        case "rename":
            _rename(storage, action.dataset, str(action.values["new"]))
        case "identify":
            storage.set(action.dataset, action.values)
        case "specify":
            wanted = spec.AntletSpec.model_validate(action.values["spec"])
            _specify(_directory(storage, action.dataset), wanted, keep=bool(action.values["damaged"]))


def _rename(storage: Storage, dataset: str, new: str) -> None:
    if storage.dataset(new) is None or storage.dataset(dataset) is not None:
        storage.rename(dataset, new)


def _directory(storage: Storage, dataset: str) -> Path:
    info = storage.dataset(dataset)
    if info is None:
        raise NotFoundError(f"there is no dataset {dataset} any more")
    storage.mount(dataset)
    if info.mountpoint is None:
        raise EdgeLinuxError(f"dataset {dataset} has no mountpoint")
    return info.mountpoint


def _specify(directory: Path, wanted: spec.AntletSpec, *, keep: bool) -> None:
    path = directory / spec.FILE
    if keep and path.exists() and not _readable(directory):
        # Renamed, not copied: once the new one is there, a second run finds nothing to keep.
        os.replace(path, directory / f"{spec.FILE}.damaged")  # noqa: PTH105
    spec.dump(wanted, directory)


def _readable(directory: Path) -> bool:
    try:
        spec.load(directory)
    except EdgeLinuxError:
        return False
    return True
