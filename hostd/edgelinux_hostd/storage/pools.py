"""Makes pools besides the host's own, takes one back that was only just made, finds one that is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgelinux_hostd import disks, layout, zfs
from edgelinux_hostd.errors import NotFoundError, RefusedError
from edgelinux_hostd.run import run
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.base import UUID, Storage
from edgelinux_hostd.storage.mounting import top_of
from edgelinux_hostd.storage.plan import PoolPlan, plan_pool

__all__ = ["create_pool", "find_absent", "plan", "undo_create_pool"]


def plan(name: str, kind: str, wanted: Sequence[str], *, erase: bool = False) -> PoolPlan:
    """Plan a pool of this machine's disks; see `plan_pool`. Nothing is changed."""
    top = Path(top_of(name))
    return plan_pool(
        name,
        kind,
        wanted,
        disks.read_disks(disks.record_disks()),
        imported=zfs.pools(),
        importable=[pool.name for pool in zfs.importable_pools()],
        occupied=top.is_symlink() or (top.exists() and (not top.is_dir() or any(top.iterdir()))),
        erase=erase,
    )


def create_pool(plan: PoolPlan, storage: Storage, record: Path = registry.PATH) -> None:
    """Make the pool, with what every pool holds, and have it imported at every boot.

    May run again after a crash. Raises EdgeLinuxError.
    """
    if plan.name not in storage.pools():
        # What was free when this was planned may be in use by now, and -f would not ask.
        found = disks.read_disks(disks.record_disks())
        used = [disk for disk in found if disk.path in plan.disks and disk.in_use]
        if used:
            raise RefusedError(f"disk {used[0].path} cannot be used any more: {used[0].in_use}")
        for disk in plan.wipe:
            nodes = run(
                ["lsblk", "--noheadings", "--raw", "--paths", "--output", "PATH", disk]
            ).stdout.split()
            for argv in layout.wipe_argvs(disk, [node for node in nodes if node != disk]):
                run(argv)
        run(plan.argv())
    elif not _made(plan, storage):
        raise RefusedError(f"there is a pool {plan.name} already")
    if storage.dataset(f"{plan.name}/TEMPLATES") is None:
        storage.create(f"{plan.name}/TEMPLATES", {"canmount": "off"})
    registry.record(zfs.pool_guid(plan.name), plan.name, record)


def find_absent(wanted: str, imported: Mapping[int, str], recorded: Mapping[int, str]) -> tuple[int, str]:
    """Find the one recorded pool of this name or GUID that is not imported; gives GUID and name.

    Both mappings go from GUID to name. Raises NotFoundError, or RefusedError when it is here or not the only
    one of its name.
    """
    known = {guid: name for guid, name in recorded.items() if wanted in (name, str(guid))}
    absent = {guid: name for guid, name in known.items() if guid not in imported}
    for guid, name in imported.items():
        if guid in known or wanted in (name, str(guid)):
            hint = f"`zpool export {name}` first" if guid in known else "there is no record of it to forget"
            if absent:
                hint = f"the one that is not is {', '.join(map(str, absent))}"
            raise RefusedError(
                f"pool {name} is imported, only one that is absent can be forgotten", hint=hint
            )
    if not absent:
        raise NotFoundError(f"there is no pool {wanted}", hint="`antlet pool list` shows them")
    if len(absent) > 1:
        raise RefusedError(
            f"{len(absent)} pools called {wanted} are absent",
            hint="name the one that is gone for good by its GUID",
            items=[str(guid) for guid in absent],
        )
    return next(iter(absent.items()))


def undo_create_pool(plan: PoolPlan, storage: Storage, record: Path = registry.PATH) -> None:
    """Destroy the pool that `create_pool` made of this very plan; any other of its name stays untouched."""
    if plan.name in storage.pools() and _made(plan, storage):
        guid = zfs.pool_guid(plan.name)
        zfs.destroy_pool(plan.name)
        registry.forget(guid, record)


def _made(plan: PoolPlan, storage: Storage) -> bool:
    root = storage.dataset(plan.name)
    return root is not None and root.local.get(UUID) == plan.uuid
