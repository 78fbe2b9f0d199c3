"""Start, stop, kill, pause, resume and reboot an antlet."""

from __future__ import annotations

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import AntletAction, Params, StopAntlet
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.runtime.base import State

__all__ = ["lifecycle_operations", "shut_down"]

# How long one wait for a clean stop lasts before the job looks whether it was cancelled, in seconds.
_SLICE = 2.0


def shut_down(host: Services, ctx: Context, antlet: Antlet, timeout: float) -> None:
    """Stop an antlet: cleanly, then by force after `timeout` seconds; raises CancelledError while waiting."""
    runtime, name, waited = host.runtime(antlet), antlet.name, 0.0
    if antlet.state is State.PAUSED:
        runtime.resume(name)
    while antlet.state is not State.STOPPED and waited < timeout:
        ctx.progress(waited / timeout, f"waiting for {name} to shut down")
        patience = min(_SLICE, timeout - waited)
        if runtime.stop(name, patience):
            return
        waited += patience
    if antlet.state is not State.STOPPED and timeout:
        ctx.log(f"{name} did not shut down within {timeout:g} s: ended by force")
    runtime.kill(name)


def lifecycle_operations(host: Services) -> tuple[Operation, ...]:
    """Give the operations."""

    def start(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        if antlet.state not in (State.RUNNING, State.PAUSED):
            host.start(antlet)

    def kill(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        host.runtime(antlet).kill(antlet.name)

    def stop(ctx: Context) -> None:
        shut_down(host, ctx, host.inventory.antlet(ctx.params.name), ctx.params.timeout)

    def pause(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        if antlet.state == State.RUNNING:
            host.runtime(antlet).pause(antlet.name)

    def resume(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        if antlet.state == State.PAUSED:
            host.runtime(antlet).resume(antlet.name)

    def one(
        name: str,
        params: type[Params],
        steps: tuple[Step, ...],
        states: tuple[State, ...],
        *,
        whole: bool = False,
    ) -> Operation:
        def check(given: AntletAction | StopAntlet) -> AntletAction | StopAntlet:
            antlet = host.inventory.antlet(given.name)
            if antlet.state not in states:
                raise RefusedError(f"antlet {antlet.name} is {antlet.state.lower()}: {_cannot(name, antlet)}")
            if whole:
                host.launch(antlet)
            return given

        return Operation(
            JobKind(
                name=f"{name}-antlet",
                params=params,
                steps=steps,
                locks=lambda given: (f"antlet/{given.name}",),
                title=lambda given: f"{name} {given.name}",
            ),
            check,
        )

    alive = (State.RUNNING, State.PAUSED)
    anything = (*alive, State.STOPPED, State.DAMAGED)
    return (
        one("start", AntletAction, (Step("start", start, kill),), (State.STOPPED,), whole=True),
        one("stop", StopAntlet, (Step("stop", stop),), alive),
        one("kill", AntletAction, (Step("kill", kill, commits=True),), anything),
        one("pause", AntletAction, (Step("pause", pause, resume),), (State.RUNNING,)),
        one("resume", AntletAction, (Step("resume", resume, pause),), (State.PAUSED,)),
        one("reboot", StopAntlet, (Step("stop", stop), Step("start", start)), alive, whole=True),
    )


_STARTED = {State.PAUSED: "`antlet resume` lets it go on"}


def _cannot(name: str, antlet: Antlet) -> str:
    return {
        "start": antlet.problem or _STARTED.get(antlet.state, "it runs already"),
        "stop": "there is nothing to stop",
        "pause": "only a running antlet can be paused",
        "resume": "only a paused antlet can be resumed",
        "reboot": "only a running antlet can be rebooted",
    }[name]
