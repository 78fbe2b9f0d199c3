"""Give a stopped antlet another name."""

from __future__ import annotations

from edgelinux_hostd.antlets.identity import write_identity
from edgelinux_hostd.antlets.spec import AntletSpec, dump
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.checks import check_free_name
from edgelinux_hostd.operations.params import RenameAntlet
from edgelinux_hostd.operations.services import Operation, Services, need_stopped, not_there, usable
from edgelinux_hostd.storage.base import NAME

__all__ = ["rename_antlet"]


def rename_antlet(host: Services) -> Operation:
    """Give the operation. Number, uuid, address and snapshots stay."""

    def check(params: RenameAntlet) -> RenameAntlet:
        antlet = host.inventory.antlet(params.name)
        usable(antlet)
        check_free_name(params.new_name, host.inventory.antlets(), antlet.number)
        need_stopped(antlet, "renaming")
        return params

    def decide(ctx: Context) -> None:
        if "old" not in ctx.values:
            antlet = host.inventory.antlet(ctx.params.name)
            old = antlet.dataset
            new = f"{old.rpartition('/')[0]}/{ctx.params.new_name}"
            spec = usable(antlet).model_dump(mode="json")
            ctx.keep(old=old, new=new, spec=spec)
            ctx.give(antlet=ctx.params.new_name)

    def rename(ctx: Context) -> None:
        _move(ctx, ctx.values["old"], ctx.values["new"])

    def unrename(ctx: Context) -> None:
        _move(ctx, ctx.values["new"], ctx.values["old"])

    def _move(ctx: Context, old: str, new: str) -> None:
        if host.storage.dataset(old) is not None:
            host.storage.rename(old, new)

    def identify(ctx: Context) -> None:
        _identify(ctx, ctx.params.new_name)

    def unidentify(ctx: Context) -> None:
        _identify(ctx, ctx.params.name)

    def _identify(ctx: Context, name: str) -> None:
        dataset = ctx.values["new"]
        info = host.storage.dataset(dataset)
        if info is None or info.mountpoint is None:
            raise not_there(dataset)
        spec = AntletSpec.model_validate({**ctx.values["spec"], "name": name})
        dump(spec, info.mountpoint)
        if spec.kind == "lxc":
            write_identity(info.mountpoint / "rootfs", spec)
        else:
            host.make_seed(info.mountpoint, spec)
        host.storage.set(dataset, {NAME: name})
        host.publish_names()

    return Operation(
        JobKind(
            name="rename-antlet",
            params=RenameAntlet,
            steps=(
                Step("decide", decide),
                Step("rename", rename, unrename),
                Step("identify", identify, unidentify),
            ),
            locks=lambda params: (f"antlet/{params.name}", f"antlet/{params.new_name}"),
            title=lambda params: f"rename {params.name} to {params.new_name}",
        ),
        check,
    )
