"""Bring antlets back: from pools that are found, and from specifications that are damaged."""

from __future__ import annotations

from collections.abc import Sequence

from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import Recover
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.recover.plan import Action, Plan

__all__ = ["recover_antlets"]


def recover_antlets(host: Services) -> Operation:
    """Give the operation.

    It looks first, which changes nothing in the pools: when something collides, and after a dry run, they are
    let go as they were. Only then are they brought in for good; let go after that, one keeps its new name.
    """
    tools = host.tools.recovery

    def check(params: Recover) -> Recover:
        tools.find(params.pools)
        return params

    def find(ctx: Context) -> None:
        if "pools" not in ctx.values:
            found = tools.find(ctx.params.pools)
            usable = [pool.model_dump(mode="json") for pool in found if not pool.problem]
            ctx.keep(pools=usable)
            ctx.give(pools=[pool.line() for pool in found])

    def look(ctx: Context) -> None:
        problems = [line for pool in _pools(ctx) for line in tools.look(pool, ctx.params.force)]
        tell(ctx, tools.plan(_pools(ctx), ctx.params.renumber), problems)
        if ctx.params.dry_run:
            ctx.keep(actions=[])
        release(ctx)

    def tell(ctx: Context, planned: Plan, problems: Sequence[str]) -> None:
        ctx.give(lines=list(planned.lines), antlets=list(planned.antlets), problems=list(problems))

    def bring_in(ctx: Context) -> list[str]:
        return [line for pool in _pools(ctx) for line in tools.bring_in(pool, ctx.params.force)]

    def bring_in_unless_dry(ctx: Context) -> None:
        if not ctx.params.dry_run:
            bring_in(ctx)

    def release(ctx: Context) -> None:
        for pool in _pools(ctx):
            tools.release(pool)

    def plan(ctx: Context) -> None:
        if "actions" in ctx.values:
            return
        # Here they are, unless the host was started anew meanwhile. What their host wrote in its last seconds
        # could not be seen yet when they were only looked into.
        problems = bring_in(ctx)
        planned = tools.plan(_pools(ctx), ctx.params.renumber)
        tell(ctx, planned, problems)
        ctx.keep(actions=[action.model_dump(mode="json") for action in planned.actions])

    def perform(ctx: Context) -> None:
        actions = [Action.model_validate(action) for action in ctx.values["actions"]]
        if actions:
            bring_in(ctx)
        for done, action in enumerate(actions):
            ctx.progress(done / len(actions), f"{action.kind} {action.dataset}")
            tools.perform(action)
        host.publish_names()

    return Operation(
        JobKind(
            name="recover",
            params=Recover,
            steps=(
                Step("find", find),
                Step("look", look, release),
                Step("import", bring_in_unless_dry, release),
                Step("plan", plan),
                Step("perform", perform, commits=True),
            ),
            locks=lambda params: ("pools", "recover"),
            title=lambda params: "recover antlets" + (" (dry run)" if params.dry_run else ""),
        ),
        check,
    )


def _pools(ctx: Context) -> list[PoolImport]:
    return [PoolImport.model_validate(pool) for pool in ctx.values.get("pools", ())]
