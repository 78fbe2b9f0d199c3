"""Take, delete and restore snapshots of an antlet."""

from __future__ import annotations

import time

from edgelinux_hostd.antlets.identity import write_identity
from edgelinux_hostd.antlets.names import check_snapshot_name
from edgelinux_hostd.antlets.records import Snapshot
from edgelinux_hostd.antlets.spec import AntletSpec, dump, load
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import DeleteSnapshot, RestoreSnapshot, TakeSnapshot
from edgelinux_hostd.operations.services import Operation, Services, need_stopped, not_there
from edgelinux_hostd.storage.base import JOB

__all__ = ["delete_snapshot", "restore_snapshot", "take_snapshot"]


def take_snapshot(host: Services) -> Operation:
    """Give the operation. The antlet may run: the snapshot is what its disks are at one moment."""

    def check(params: TakeSnapshot) -> TakeSnapshot:
        names = {snapshot.name for snapshot in host.inventory.snapshots(params.name)}
        name = params.snapshot or time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())
        if check_snapshot_name(name) in names:
            raise RefusedError(
                f"antlet {params.name} has a snapshot {name} already",
                hint=f"take another name, or `antlet snapshot delete {params.name} {name}`",
            )
        return params.model_copy(update={"snapshot": name})

    def take(ctx: Context) -> None:
        dataset = host.inventory.antlet(ctx.params.name).dataset
        wanted = f"{dataset}@{ctx.params.snapshot}"
        ctx.keep(snapshot=wanted)
        ctx.give(antlet=ctx.params.name, snapshot=ctx.params.snapshot)
        if wanted not in {info.name for info in host.storage.snapshots(dataset)}:
            host.storage.snapshot(wanted, {JOB: ctx.job})

    def untake(ctx: Context) -> None:
        wanted = str(ctx.values.get("snapshot", ""))
        for info in host.storage.snapshots(wanted.partition("@")[0]) if wanted else ():
            if info.name == wanted and info.local.get(JOB) == ctx.job:
                host.storage.destroy(wanted)

    return Operation(
        JobKind(
            name="take-snapshot",
            params=TakeSnapshot,
            steps=(Step("take", take, untake),),
            locks=lambda params: (f"antlet/{params.name}",),
            title=lambda params: f"snapshot {params.name}",
        ),
        check,
    )


def delete_snapshot(host: Services) -> Operation:
    """Give the operation; refused while something is a clone of the snapshot."""

    def check(params: DeleteSnapshot) -> DeleteSnapshot:
        snapshot = host.inventory.snapshot(params.name, params.snapshot)
        if snapshot.clones:
            raise RefusedError(
                f"snapshot {params.name}@{params.snapshot} has clones: {', '.join(snapshot.clones)}",
                hint="delete them first",
                items=snapshot.clones,
            )
        return params

    def delete(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        host.storage.destroy(f"{antlet.dataset}@{ctx.params.snapshot}")

    return Operation(
        JobKind(
            name="delete-snapshot",
            params=DeleteSnapshot,
            steps=(Step("delete", delete, commits=True),),
            locks=lambda params: (f"antlet/{params.name}",),
            title=lambda params: f"delete snapshot {params.name}@{params.snapshot}",
        ),
        check,
    )


def restore_snapshot(host: Services) -> Operation:
    """Give the operation. The antlet stays who it is, with memory and processors as they were then."""

    def check(params: RestoreSnapshot) -> RestoreSnapshot:
        antlet = host.inventory.antlet(params.name)
        wanted = host.inventory.snapshot(params.name, params.snapshot)
        need_stopped(antlet, "restoring")
        _check_newer(host, params, wanted)
        return params

    def keep(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        if "dataset" not in ctx.values:
            spec = antlet.spec.model_dump(mode="json") if antlet.spec else None
            identity = {"name": antlet.name, "number": antlet.number, "uuid": antlet.uuid}
            ctx.keep(dataset=antlet.dataset, spec=spec, identity=identity)

    def rollback(ctx: Context) -> None:
        snapshot = f"{ctx.values['dataset']}@{ctx.params.snapshot}"
        host.storage.rollback(snapshot, destroy_newer=ctx.params.destroy_newer)

    def identify(ctx: Context) -> None:
        info = host.storage.dataset(ctx.values["dataset"])
        if info is None or info.mountpoint is None:
            raise not_there(ctx.values["dataset"])
        try:
            then = load(info.mountpoint)
        except EdgeLinuxError as error:
            if ctx.values["spec"] is None:
                raise
            ctx.log(f"the snapshot's specification cannot be read, today's is kept: {error}")
            then = AntletSpec.model_validate(ctx.values["spec"])
        fields = {**then.model_dump(mode="json"), **ctx.values["identity"]}
        spec = AntletSpec.model_validate(fields)
        dump(spec, info.mountpoint)
        if spec.kind == "lxc":
            write_identity(info.mountpoint / "rootfs", spec)
        else:
            host.make_seed(info.mountpoint, spec)
        host.publish_names()

    return Operation(
        JobKind(
            name="restore-snapshot",
            params=RestoreSnapshot,
            steps=(
                Step("keep", keep),
                Step("rollback", rollback, commits=True),
                Step("identify", identify, commits=True),
            ),
            locks=lambda params: (f"antlet/{params.name}",),
            title=lambda params: f"restore {params.name} to {params.snapshot}",
        ),
        check,
    )


def _check_newer(host: Services, params: RestoreSnapshot, wanted: Snapshot) -> None:
    all_of_them = host.inventory.snapshots(params.name)
    # In the order of their creation: several may be of the same second.
    newer = all_of_them[[one.name for one in all_of_them].index(wanted.name) + 1 :]
    clones = tuple(clone for snapshot in newer for clone in snapshot.clones)
    if clones:
        raise RefusedError(
            f"newer snapshots of {params.name} have clones: {', '.join(clones)}",
            hint="delete them first, or clone the old snapshot instead",
            items=clones,
        )
    if newer and not params.destroy_newer:
        names = tuple(snapshot.name for snapshot in newer)
        raise RefusedError(
            f"restoring {params.name} to {params.snapshot} destroys newer snapshots: {', '.join(names)}",
            hint="say --destroy-newer if they may go",
            items=names,
        )
