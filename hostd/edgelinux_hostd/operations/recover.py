"""Bring antlets back: from pools that are found, and from specifications that are damaged."""

from __future__ import annotations

from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import Recover
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.recover.plan import Action

__all__ = ["recover_antlets"]


def recover_antlets(host: Services) -> Operation:
    """Give the operation. What collides has all of it undone: the pools are let go again."""
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

    def bring_in(ctx: Context) -> None:
        problems = [line for pool in _pools(ctx) for line in tools.bring_in(pool, ctx.params.force)]
        if problems:
            ctx.give(problems=problems)

    def release(ctx: Context) -> None:
        for pool in _pools(ctx):
            tools.release(pool)

    def plan(ctx: Context) -> None:
        if "actions" in ctx.values:
            return
        planned = tools.plan(_pools(ctx), ctx.params.renumber)
        ctx.give(lines=list(planned.lines), antlets=list(planned.antlets))
        if ctx.params.dry_run:
            release(ctx)
            ctx.keep(actions=[])
        else:
            ctx.keep(actions=[action.model_dump(mode="json") for action in planned.actions])

    def perform(ctx: Context) -> None:
        actions = [Action.model_validate(action) for action in ctx.values["actions"]]
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
                Step("import", bring_in, release),
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
