"""Delete an antlet: only what carries hostd's own properties, and only once nothing depends on it."""

from __future__ import annotations

from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import DeleteAntlet
from edgelinux_hostd.operations.services import Operation, Services, need_stopped
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.storage.base import JOB, KIND

__all__ = ["delete_antlet"]


def delete_antlet(host: Services) -> Operation:
    """Give the operation. From the step `mark` on there is no way back, and no antlet any more."""

    def check(params: DeleteAntlet) -> DeleteAntlet:
        antlet = host.inventory.antlet(params.name)
        _check_dependencies(host, params)
        if not params.force:
            need_stopped(antlet, "deleting")
        return params

    def stop(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        ctx.keep(dataset=antlet.dataset, origin=antlet.origin)
        _check_dependencies(host, ctx.params)
        if antlet.state in (State.RUNNING, State.PAUSED):
            host.runtime(antlet).kill(antlet.name)

    def mark(ctx: Context) -> None:
        if host.storage.dataset(ctx.values["dataset"]) is not None:
            host.storage.set(ctx.values["dataset"], {JOB: ctx.job})
        host.publish_names()

    def snapshots(ctx: Context) -> None:
        found = host.storage.snapshots(_ours(ctx)) if _there(ctx) else ()
        for done, info in enumerate(found):
            ctx.progress(done / len(found), f"destroying {info.name}")
            host.storage.destroy(info.name)

    def destroy(ctx: Context) -> None:
        if _there(ctx):
            host.storage.destroy(_ours(ctx))

    def origin(ctx: Context) -> None:
        # The snapshot that was taken for this clone alone goes with it.
        snapshot = str(ctx.values["origin"])
        dataset = snapshot.partition("@")[0]
        if not snapshot or host.storage.dataset(dataset) is None:
            return
        for info in host.storage.snapshots(dataset):
            if info.name == snapshot and info.local.get(KIND) == "clone" and not info.clones:
                host.storage.destroy(snapshot)

    def _there(ctx: Context) -> bool:
        return host.storage.dataset(ctx.values["dataset"]) is not None

    def _ours(ctx: Context) -> str:
        dataset = str(ctx.values["dataset"])
        info = host.storage.dataset(dataset)
        if info is None or info.local.get(KIND) != "antlet" or info.local.get(JOB) != ctx.job:
            raise EdgeLinuxError(
                f"dataset {dataset} is not the one that was to be deleted: left alone",
                hint="something else has its name now, see `antlet list` and `zfs list`",
            )
        return dataset

    return Operation(
        JobKind(
            name="delete-antlet",
            params=DeleteAntlet,
            steps=(
                Step("stop", stop),
                Step("mark", mark, commits=True),
                Step("snapshots", snapshots, commits=True),
                Step("destroy", destroy, commits=True),
                Step("origin", origin, commits=True),
            ),
            locks=lambda params: (f"antlet/{params.name}",),
            title=lambda params: f"delete {params.name}",
        ),
        check,
    )


def _check_dependencies(host: Services, params: DeleteAntlet) -> None:
    found = host.inventory.dependencies(params.name)
    clones = tuple(one.name for one in found if one.kind != "snapshot")
    snapshots = tuple(one.name for one in found if one.kind == "snapshot")
    if clones:
        raise RefusedError(
            f"antlet {params.name} has clones: {', '.join(clones)}",
            hint="delete them first",
            items=clones,
        )
    if snapshots and not params.force:
        raise RefusedError(
            f"antlet {params.name} has snapshots: {', '.join(snapshots)}",
            hint="delete them first, or take them along with --force",
            items=snapshots,
        )
