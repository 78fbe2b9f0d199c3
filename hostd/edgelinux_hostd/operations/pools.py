"""Create a pool on free disks; scrub one; forget one that is gone for good."""

from __future__ import annotations

from edgelinux_hostd.errors import NotFoundError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import CreatePool, ForgetPool, ScrubPool
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.storage.plan import PoolPlan

__all__ = ["create_pool", "forget_pool", "scrub_pool"]


def create_pool(host: Services) -> Operation:
    """Give the operation."""
    tools = host.tools.pools

    def check(params: CreatePool) -> CreatePool:
        tools.plan(params.name, params.layout, params.disks, params.erase)
        return params

    def decide(ctx: Context) -> None:
        if "plan" not in ctx.values:
            params: CreatePool = ctx.params
            plan = tools.plan(params.name, params.layout, params.disks, params.erase)
            ctx.keep(plan=plan.model_dump(mode="json"))
            ctx.give(pool=plan.name, disks=list(plan.disks))

    def create(ctx: Context) -> None:
        tools.create(PoolPlan.model_validate(ctx.values["plan"]))

    def undo(ctx: Context) -> None:
        if "plan" in ctx.values:
            tools.undo(PoolPlan.model_validate(ctx.values["plan"]))

    return Operation(
        JobKind(
            name="create-pool",
            params=CreatePool,
            steps=(Step("decide", decide), Step("create", create, undo)),
            # One at a time, since two could want the same disk under different names.
            locks=lambda params: ("pools",),
            title=lambda params: f"create pool {params.name}",
        ),
        check,
    )


def scrub_pool(host: Services) -> Operation:
    """Give the operation: it starts a scrub, which goes on by itself, or stops one."""

    def check(params: ScrubPool) -> ScrubPool:
        if params.name not in host.storage.pools():
            raise NotFoundError(f"there is no pool {params.name!r}", hint="`antlet pool list` shows them")
        return params

    def scrub(ctx: Context) -> None:
        tools = host.tools.pools
        (tools.stop_scrub if ctx.params.stop else tools.start_scrub)(ctx.params.name)

    return Operation(
        JobKind(
            name="scrub-pool",
            params=ScrubPool,
            steps=(Step("scrub", scrub, commits=True),),
            locks=lambda params: (f"scrub/{params.name}",),
            title=lambda params: f"{'stop the scrub of' if params.stop else 'scrub'} {params.name}",
        ),
        check,
    )


def forget_pool(host: Services) -> Operation:
    """Give the operation: it touches no disk, only the record that the pool should be here."""
    tools = host.tools.pools

    def check(params: ForgetPool) -> ForgetPool:
        tools.absent(params.name)
        return params

    def forget(ctx: Context) -> None:
        if "guid" not in ctx.values:
            guid, name = tools.absent(ctx.params.name)
            ctx.keep(guid=str(guid), name=name)
            ctx.give(pool=name, guid=str(guid))
        tools.forget(int(ctx.values["guid"]))

    def remember(ctx: Context) -> None:
        if "guid" in ctx.values:
            tools.remember(int(ctx.values["guid"]), ctx.values["name"])

    return Operation(
        JobKind(
            name="forget-pool",
            params=ForgetPool,
            steps=(Step("forget", forget, remember),),
            # What is created or recovered is recorded, too.
            locks=lambda params: ("pools",),
            title=lambda params: f"forget pool {params.name}",
        ),
        check,
    )
