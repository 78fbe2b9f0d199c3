"""Change what an antlet shall be: memory, processors, number, cards, start, quota, compression."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.antlets.spec import AntletSpec, dump
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.network.check import check_nics
from edgelinux_hostd.network.names import check_own_name
from edgelinux_hostd.operations.checks import check_size, choose_number
from edgelinux_hostd.operations.growth import check_growth, growth_step
from edgelinux_hostd.operations.params import UpdateAntlet
from edgelinux_hostd.operations.services import Operation, Services, need_stopped, usable
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.sizes import human
from edgelinux_hostd.storage.base import NUMBER

__all__ = ["update_antlet"]

_FIELDS = ("number", "ram", "cpu", "description", "autostart", "order", "nics")


def update_antlet(host: Services, reserved: Collection[int]) -> Operation:
    """Give the operation; `reserved` as in `create_antlet`."""

    def check(params: UpdateAntlet) -> UpdateAntlet:
        antlet = host.inventory.antlet(params.name, sizes=bool(params.quota))
        usable(antlet)
        check_size(host.size, params.ram, params.cpu)
        if params.number is not None and params.number != antlet.number:
            choose_number(params.number, host.inventory.antlets(), reserved, keep=antlet.name)
            need_stopped(antlet, "another number")
            check_own_name(antlet.name, params.number)
        if params.quota and params.quota < antlet.used:
            raise RefusedError(
                f"antlet {antlet.name} uses {human(antlet.used)}, more than a quota of {human(params.quota)}",
                hint="0 is no quota",
            )
        changed = _changed(usable(antlet), params)
        check_nics(changed.number, changed.nics)
        if params.disk is not None:
            check_growth(host, antlet, params.disk)
        host.domain(antlet.directory, changed)
        return params

    def decide(ctx: Context) -> None:
        if "old" not in ctx.values:
            antlet = host.inventory.antlet(ctx.params.name)
            spec = usable(antlet)
            new = _changed(spec, ctx.params)
            ctx.keep(
                dataset=antlet.dataset,
                directory=str(antlet.directory),
                old=spec.model_dump(mode="json"),
                new=new.model_dump(mode="json"),
                properties=_old_properties(antlet),
            )

    def write(ctx: Context) -> None:
        _write(host, ctx, "new")

    def unwrite(ctx: Context) -> None:
        _write(host, ctx, "old")
        apply(ctx)

    def properties(ctx: Context) -> None:
        wanted: dict[str, str] = {}
        if ctx.params.quota is not None:
            wanted["quota"] = str(ctx.params.quota) if ctx.params.quota else "none"
        if ctx.params.compression is not None:
            wanted["compression"] = ctx.params.compression
        _set(host, ctx.values["dataset"], wanted)

    def unset(ctx: Context) -> None:
        _set(host, ctx.values["dataset"], ctx.values["properties"])

    def apply(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.name)
        pending: tuple[str, ...] = ()
        if antlet.state in (State.RUNNING, State.PAUSED):
            pending = host.runtime(antlet).apply(host.launch(antlet))
            if ctx.params.disk is not None:
                pending += ("disk",)
        elif antlet.kind == "kvm":
            host.make_seed(antlet.directory, usable(antlet))
        host.publish_names()
        ctx.give(antlet=antlet.name, pending=list(pending))

    return Operation(
        JobKind(
            name="update-antlet",
            params=UpdateAntlet,
            steps=(
                Step("decide", decide),
                # Before anything is written: an antlet at its quota has no room for its own antlet.yaml.
                Step("properties", properties, unset),
                Step("write", write, unwrite),
                growth_step(host),
                Step("apply", apply),
            ),
            locks=lambda params: (
                f"antlet/{params.name}",
                *([f"number/{params.number}"] if params.number else []),
            ),
            title=lambda params: f"update {params.name}",
        ),
        check,
    )


def _changed(spec: AntletSpec, params: UpdateAntlet) -> AntletSpec:
    given = {name: getattr(params, name) for name in _FIELDS if getattr(params, name) is not None}
    return AntletSpec.model_validate({**spec.model_dump(), **given})


def _old_properties(antlet: Antlet) -> dict[str, str]:
    return {
        "quota": str(antlet.quota) if antlet.quota else "none",
        "compression": antlet.compression,
    }


def _set(host: Services, dataset: str, properties: dict[str, Any]) -> None:
    """Set properties; a compression of `inherit` is no value but the absence of one."""
    wanted = {key: str(value) for key, value in properties.items()}
    if wanted.get("compression") == "inherit":
        del wanted["compression"]
        host.storage.inherit(dataset, "compression")
    if wanted:
        host.storage.set(dataset, wanted)


def _write(host: Services, ctx: Context, which: str) -> None:
    spec = AntletSpec.model_validate(ctx.values[which])
    dump(spec, Path(ctx.values["directory"]))
    host.storage.set(ctx.values["dataset"], {NUMBER: str(spec.number)})
