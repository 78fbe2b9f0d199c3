"""Give the antlets' network another base IP."""

from __future__ import annotations

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.network import rebase as rebasing
from edgelinux_hostd.operations.lifecycle import shut_down
from edgelinux_hostd.operations.params import RebaseNetwork
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.runtime.base import State

__all__ = ["rebase_network"]

# Seconds for each antlet to shut down by itself.
_PATIENCE = 60.0


def rebase_network(host: Services) -> Operation:
    """Give the operation: antlets on the network are stopped for it and started again, when they may be."""

    def look(params: RebaseNetwork) -> rebasing.Rebase:
        antlets = host.inventory.antlets()
        return rebasing.plan(antlets, host.base_ip(), params.base_ip, restart=params.restart)

    def check(params: RebaseNetwork) -> RebaseNetwork:
        look(params)
        host.tools.network.check_free(params.base_ip)
        return params

    def stop(ctx: Context) -> None:
        if "start" not in ctx.values:
            plan = look(ctx.params)
            ctx.keep(old=host.base_ip(), stop=list(plan.stop), start=list(plan.start))
        for name in ctx.values["stop"]:
            shut_down(host, ctx, host.inventory.antlet(name), _PATIENCE)

    def rebase(ctx: Context) -> None:
        # Not by what base_ip() says now: it may be set already, and the network not started anew yet.
        if ctx.params.base_ip != ctx.values["old"]:
            host.tools.network.rebase(ctx.params.base_ip)
        host.publish_names()

    def unrebase(ctx: Context) -> None:
        if ctx.params.base_ip != ctx.values["old"]:
            host.tools.network.rebase(ctx.values["old"])
        host.publish_names()

    def start(ctx: Context) -> None:
        failed = []
        for name in ctx.values.get("start", ()):
            antlet = host.inventory.antlet(name)
            try:
                if antlet.state is State.STOPPED:
                    host.start(antlet)
            except EdgeLinuxError as error:
                ctx.log(f"{name} does not start: {error}")
                failed.append(name)
        if failed:
            ctx.give(warning=f"these do not start: {', '.join(failed)}")

    return Operation(
        JobKind(
            name="rebase-network",
            params=RebaseNetwork,
            # What was stopped is started, whether it comes to the new base IP or not.
            steps=(
                Step("stop", stop, start),
                Step("rebase", rebase, unrebase),
                Step("start", start),
            ),
            locks=lambda params: ("network",),
            title=lambda params: f"base IP {params.base_ip}",
        ),
        check,
    )
