"""The steps by which an antlet comes to be: as a clone of a template's version, or of an antlet's snapshot.

Until they are done the dataset carries the job's property: it is no antlet yet, the job may take it away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from edgelinux_hostd.antlets.identity import write_identity, write_ssh_keys
from edgelinux_hostd.antlets.inventory import identity_properties
from edgelinux_hostd.antlets.spec import AntletSpec, dump
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.model import Context, Step
from edgelinux_hostd.operations.services import Services, not_there
from edgelinux_hostd.storage.base import JOB
from edgelinux_hostd.templates.identity import forget

__all__ = ["Plan", "making_steps"]

# QEMU's user has to come to disks/. A container's root is mounted for it, and must not be within reach of the
# host's users: its root's files are root's on disk, set-user-id bits included.
_MODE = {"kvm": 0o711, "lxc": 0o700}

# The plan of a new antlet: its specification, without the uuid, and the snapshot it will be a clone of.
Plan = Callable[[Context], tuple[dict[str, Any], str]]


def making_steps(host: Services, plan: Plan) -> tuple[Step, ...]:
    """Give the steps; `plan` decides what is made, and runs once for a job."""

    def decide(ctx: Context) -> None:
        if "spec" in ctx.values:
            return
        fields, snapshot = plan(ctx)
        spec = AntletSpec.model_validate({**fields, "uuid": str(uuid4())})
        pool = ctx.values.get("pool") or ctx.params.pool or snapshot.partition("/")[0]
        ctx.give(antlet=spec.name, number=spec.number)
        ctx.keep(
            spec=spec.model_dump(mode="json"),
            snapshot=snapshot,
            dataset=f"{pool}/{spec.name}",
        )

    def clone(ctx: Context) -> None:
        spec, dataset = _spec(ctx), ctx.values["dataset"]
        there = host.storage.dataset(dataset)
        if there is not None:
            if there.local.get(JOB) != ctx.job:
                raise RefusedError(
                    f"there is a dataset {dataset} already, which is not this antlet's",
                    hint=f"take another name, or look at it: `zfs list {dataset}`",
                )
            host.storage.mount(dataset)
            return
        properties = {**identity_properties(spec), JOB: ctx.job}
        if ctx.params.compression != "inherit":
            properties["compression"] = ctx.params.compression
        if quota := getattr(ctx.params, "quota", 0):
            properties["quota"] = str(quota)
        host.storage.clone(ctx.values["snapshot"], dataset, properties)

    def unclone(ctx: Context) -> None:
        dataset = ctx.values.get("dataset", "")
        there = host.storage.dataset(dataset) if dataset else None
        if there is not None and there.local.get(JOB) == ctx.job:
            host.storage.destroy(dataset)

    def specify(ctx: Context) -> None:
        spec = _spec(ctx)
        directory = _directory(host, ctx)
        directory.chmod(_MODE[spec.kind])
        dump(spec, directory)
        if spec.kind == "lxc":
            forget(directory / "rootfs")
            write_identity(directory / "rootfs", spec)
            write_ssh_keys(directory / "rootfs", spec.ssh_keys)
        else:
            host.make_seed(directory, spec)

    def commit(ctx: Context) -> None:
        there = host.storage.dataset(ctx.values["dataset"])
        if there is not None and JOB in there.local:
            host.storage.inherit(ctx.values["dataset"], JOB)
        host.publish_names()

    def start(ctx: Context) -> None:
        if not ctx.params.start:
            return
        antlet = host.inventory.antlet(ctx.params.name)
        try:
            host.start(antlet)
        except EdgeLinuxError as error:
            # It is made, and whoever asked will want to see why it does not start rather than lose it.
            ctx.log(f"it is made but does not start: {error}")
            ctx.give(warning=f"it does not start: {error}")

    return (
        Step("decide", decide),
        Step("clone", clone, unclone),
        Step("specify", specify),
        Step("commit", commit, commits=True),
        Step("start", start, commits=True),
    )


def _spec(ctx: Context) -> AntletSpec:
    return AntletSpec.model_validate(ctx.values["spec"])


def _directory(host: Services, ctx: Context) -> Any:
    there = host.storage.dataset(ctx.values["dataset"])
    if there is None or there.mountpoint is None:
        raise not_there(ctx.values["dataset"])
    return there.mountpoint
