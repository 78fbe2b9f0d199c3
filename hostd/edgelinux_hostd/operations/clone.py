"""Clone an antlet from one of its snapshots."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from edgelinux_hostd.antlets.names import check_antlet_name, check_snapshot_name
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.checks import check_free_name, choose_number
from edgelinux_hostd.operations.making import making_steps
from edgelinux_hostd.operations.params import CloneAntlet
from edgelinux_hostd.operations.services import Operation, Services, usable
from edgelinux_hostd.storage.base import JOB, KIND

__all__ = ["clone_antlet"]


def clone_antlet(host: Services, reserved: Collection[int]) -> Operation:
    """Give the operation; `reserved` as in `create_antlet`."""

    def check(params: CloneAntlet) -> CloneAntlet:
        source = host.inventory.antlet(params.source)
        usable(source)
        antlets = host.inventory.antlets()
        check_antlet_name(params.name)
        number = choose_number(params.number, antlets, reserved)
        check_free_name(params.name, antlets, number)
        if params.snapshot is not None:
            check_snapshot_name(params.snapshot)
            host.inventory.snapshot(params.source, params.snapshot)
        return params.model_copy(update={"number": number})

    def snapshot(ctx: Context) -> None:
        params: CloneAntlet = ctx.params
        source = host.inventory.antlet(params.source)
        name = params.snapshot or ctx.values.get("taken")
        if name is None:
            name = time.strftime("clone-%Y%m%d-%H%M%S", time.gmtime())
            ctx.keep(taken=name)
        ctx.keep(source=f"{source.dataset}@{name}", pool=source.pool)
        there = {info.name for info in host.storage.snapshots(source.dataset)}
        if ctx.values["source"] not in there:
            # Its kind says that it is there for the clone only, and goes with it.
            host.storage.snapshot(ctx.values["source"], {JOB: ctx.job, KIND: "clone"})

    def unsnapshot(ctx: Context) -> None:
        if "taken" not in ctx.values or "source" not in ctx.values:
            return
        dataset = ctx.values["source"].partition("@")[0]
        for info in host.storage.snapshots(dataset):
            if info.name == ctx.values["source"] and info.local.get(JOB) == ctx.job:
                host.storage.destroy(info.name)

    def plan(ctx: Context) -> tuple[dict[str, Any], str]:
        params: CloneAntlet = ctx.params
        source = host.inventory.antlet(params.source)
        if source.spec is None:
            raise EdgeLinuxError(f"antlet {params.source} cannot be cloned: {source.problem}")
        fields = source.spec.model_dump(mode="json", exclude={"uuid"})
        # A card's own MAC or address is one antlet's alone.
        for nic in fields["nics"]:
            nic.update(mac=None, address=None, gateway=None)
        fields.update(name=params.name, number=params.number, autostart=False)
        return fields, ctx.values["source"]

    return Operation(
        JobKind(
            name="clone-antlet",
            params=CloneAntlet,
            steps=(Step("snapshot", snapshot, unsnapshot), *making_steps(host, plan)),
            locks=lambda params: (
                f"antlet/{params.name}",
                f"number/{params.number}",
                f"antlet/{params.source}",
            ),
            title=lambda params: f"clone {params.source} as {params.name}",
        ),
        check,
    )
