"""Create an antlet from a template."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edgelinux_hostd.antlets.names import check_antlet_name
from edgelinux_hostd.antlets.records import Template
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.jobs.model import Context, JobKind
from edgelinux_hostd.network.check import check_nics
from edgelinux_hostd.operations.checks import check_free_name, check_size, check_ssh_keys, choose_number
from edgelinux_hostd.operations.making import making_steps
from edgelinux_hostd.operations.params import CreateAntlet
from edgelinux_hostd.operations.services import Operation, Services

__all__ = ["create_antlet"]

# What a template that says nothing gets.
_RAM = 512
_CPU = 1

# ZFS itself slows down and then fails when the last of a pool is written.
_ROOM = 64 * 1024**2


def create_antlet(host: Services, reserved: Collection[int]) -> Operation:
    """Give the operation; `reserved` are the numbers that unfinished jobs will give away, kept up to date."""

    def check(params: CreateAntlet) -> CreateAntlet:
        antlets = host.inventory.antlets()
        check_antlet_name(params.name)
        number = choose_number(params.number, antlets, reserved)
        check_free_name(params.name, antlets, number)
        template, version = host.template(params.template, params.version, None)
        pool = params.pool or template.pool
        _check_pool(host, pool, template)
        ram, cpu = params.ram or template.ram or _RAM, params.cpu or template.cpu or _CPU
        check_size(host.size, ram, cpu)
        check_ssh_keys(params.ssh_keys)
        decided = params.model_copy(
            update={"number": number, "pool": pool, "ram": ram, "cpu": cpu, "version": version.name}
        )
        # The XML is looked at before anything is made.
        nics = _nics(host, decided, template)
        check_nics(number, nics)
        return decided.model_copy(update={"nics": nics})

    def plan(ctx: Context) -> tuple[dict[str, Any], str]:
        params: CreateAntlet = ctx.params
        template, version = host.template(params.template, params.version, None)
        # Decided before, but for a job of an older hostd.
        nics = params.nics if params.nics is not None else _nics(host, params, template)
        fields = {**_fields(params, template), "nics": [nic.model_dump(mode="json") for nic in nics]}
        return fields, version.snapshot

    return Operation(
        JobKind(
            name="create-antlet",
            params=CreateAntlet,
            steps=making_steps(host, plan),
            locks=lambda params: (f"antlet/{params.name}", f"number/{params.number}"),
            title=lambda params: f"create {params.name}",
        ),
        check,
    )


_NO_UUID = "00000000-0000-0000-0000-000000000000"


def _fields(params: CreateAntlet, template: Template) -> dict[str, Any]:
    return {
        "uuid": _NO_UUID,
        "name": params.name,
        "number": params.number,
        "kind": template.kind,
        "template": template.name,
        "ram": params.ram,
        "cpu": params.cpu,
        "description": params.description,
        "autostart": params.autostart,
        "order": params.order,
        "ssh_keys": params.ssh_keys,
    }


def _nics(host: Services, params: CreateAntlet, template: Template) -> tuple[Nic, ...]:
    """Give the network cards of an antlet: those that were asked for, else those of its template's XML."""
    xml = host.domain(template.directory, AntletSpec.model_validate(_fields(params, template)))
    return params.nics if params.nics is not None else host.default_nics(xml) or (Nic(),)


def _check_pool(host: Services, pool: str, template: Template) -> None:
    if pool not in host.storage.pools():
        raise NotFoundError(f"there is no pool {pool!r}", hint="`antlet pool list` shows them")
    if pool != template.pool:
        raise InvalidError(
            f"template {template.name} is in pool {template.pool}, and a clone lies beside its origin",
            hint=f"import the template into {pool}: antlet template import … --pool {pool}",
        )
    if host.storage.available(template.dataset) < _ROOM:
        raise RefusedError(f"pool {pool} is full", hint="delete snapshots or antlets, or add disks")
