"""Making a template, or a new version of one, of a stopped antlet.

The template gets a copy of the antlet's root or disks. A clone would take no time and no space, but keep the
antlet from being deleted; promoted, it would be kept by the antlet, and take over its older snapshots. `cp`
shares blocks between datasets where ZFS can (block cloning), so that a copy may cost little.

    create_dataset → fill_from → write_files → take_version (see importer.py), undone by `undo`
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.antlets.names import check_template_name
from edgelinux_hostd.antlets.records import Antlet, Template
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError, RefusedError
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.storage.base import JOB, Storage
from edgelinux_hostd.templates import identity, render, template_file, tree
from edgelinux_hostd.templates.catalogue import dataset_of, next_version
from edgelinux_hostd.templates.importer import directory_of
from edgelinux_hostd.templates.template_file import TemplateSpec

__all__ = ["MakePlan", "fill_from", "plan", "source_files"]


@dataclass(frozen=True)
class MakePlan:
    """What is made: the template's description with its new version, and where it lies."""

    dataset: str
    spec: TemplateSpec
    new: bool


def source_files(antlet: Antlet) -> tuple[TemplateSpec | None, str]:
    """Read what an antlet has of its own template: template.yaml (None without) and the XML.

    Raises EdgeLinuxError when the XML cannot be read.
    """
    xml = antlet.directory / render.FILE
    try:
        text = xml.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeLinuxError(f"cannot read {xml}: {error}") from error
    described = (antlet.directory / template_file.FILE).is_file()
    return (template_file.load(antlet.directory) if described else None), text


def plan(
    antlet: Antlet,
    origin: TemplateSpec | None,
    template: str,
    installed: Sequence[Template],
    today: datetime.date,
    description: str = "",
) -> MakePlan:
    """Plan a template of an antlet, in the antlet's pool.

    `origin` is the description of the template the antlet came from, for what it says about users and seeds.
    Raises InvalidError and RefusedError.
    """
    check_template_name(template)
    if antlet.state is not State.STOPPED:
        raise RefusedError(
            f"antlet {antlet.name!r} is {antlet.state.lower()}", hint=f"`antlet stop {antlet.name}` first"
        )
    there = next((each for each in installed if each.name == template and each.pool == antlet.pool), None)
    if there is not None and there.kind != antlet.kind:
        raise InvalidError(
            f"template {template!r} is {there.kind}, antlet {antlet.name!r} is {antlet.kind}",
            hint="give it another name",
        )
    taken = [version.name for version in there.versions] if there else []
    known = origin.model_dump() if origin else {}
    if antlet.spec is None:
        raise InvalidError(f"antlet {antlet.name!r} is damaged: {antlet.problem}")
    said = description or (there.description if there else "") or f"made of antlet {antlet.name}"
    spec = TemplateSpec.model_validate(
        {
            **known,
            "name": template,
            "kind": antlet.kind,
            "version": next_version(taken, today),
            "label": "" if there is None else known.get("label", ""),
            "description": said,
            "ram": antlet.spec.ram,
            "cpu": antlet.spec.cpu,
        }
    )
    return MakePlan(dataset_of(antlet.pool, template), spec, there is None)


def fill_from(storage: Storage, origin: Path, made: MakePlan, job: str) -> tuple[str, ...]:
    """Fill the template's dataset with a copy of a stopped antlet's files, from the start.

    Gives the files of its identity that a container's copy forgot; a machine's are for cloud-init to renew.
    """
    info = storage.dataset(made.dataset)
    if info is None or info.local.get(JOB) != job:
        raise RefusedError(f"{made.dataset} is not this job's")
    directory = directory_of(storage, made.dataset)
    tree.empty(directory)
    tree.copy(origin, directory, made.spec.kind)
    forgotten = identity.forget(directory / "rootfs") if made.spec.kind == "lxc" else ()
    tree.check(directory, made.spec.kind)
    return forgotten
