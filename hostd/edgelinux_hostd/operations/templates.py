"""Import a template from files, make one of an antlet, delete one."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import InvalidError, NotFoundError
from edgelinux_hostd.jobs.model import Context, JobKind, Step
from edgelinux_hostd.operations.params import DeleteTemplate, ImportTemplate, MakeTemplate
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.templates import catalogue, importer, make
from edgelinux_hostd.templates.examine import Examined, examine
from edgelinux_hostd.templates.sources import Source, detect
from edgelinux_hostd.templates.template_file import TemplateSpec

__all__ = ["delete_template", "import_template", "make_template"]


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def import_template(host: Services) -> Operation:
    """Give the operation: a new template, or a new version of one that is there."""

    def look(params: ImportTemplate) -> tuple[Source, str, Examined]:
        pool = params.pool or host.default_pool()
        if pool not in host.storage.pools():
            raise NotFoundError(f"there is no pool {pool!r}", hint="`antlet pool list` shows them")
        source = detect(Path(params.source), params.format)
        taken = [
            version.name
            for template in catalogue.templates(host.storage)
            if (template.name, template.pool) == (params.template, pool)
            for version in template.versions
        ]
        examined = examine(
            source,
            _read(params.xml) if params.xml else None,
            (params.template, catalogue.next_version(taken, _today())),
            host.tools.offers(),
            description=params.description,
            privileged=params.privileged,
            where=params.xml or "template XML",
        )
        return source, catalogue.dataset_of(pool, params.template), examined

    def check(params: ImportTemplate) -> ImportTemplate:
        look(params)
        return params

    def decide(ctx: Context) -> None:
        if "spec" not in ctx.values:
            _source, dataset, examined = look(ctx.params)
            ctx.keep(
                dataset=dataset,
                spec=examined.spec.model_dump(mode="json"),
                xml=examined.xml,
                images=list(examined.images),
            )
            notes = [str(note) for note in examined.notes]
            ctx.give(template=examined.spec.name, version=examined.spec.version, notes=notes)

    def fill(ctx: Context) -> None:
        source = detect(Path(ctx.params.source), ctx.params.format)
        importer.fill(
            host.storage, ctx.values["dataset"], _spec(ctx).kind, source, ctx.job, ctx.values["images"]
        )

    return _operation(host, "import-template", ImportTemplate, check, decide, fill, lambda params: ())


def make_template(host: Services) -> Operation:
    """Give the operation: a copy of a stopped antlet, so that neither depends on the other."""

    def look(params: MakeTemplate) -> tuple[make.MakePlan, str]:
        antlet = host.inventory.antlet(params.antlet)
        origin, xml = make.source_files(antlet)
        installed = catalogue.templates(host.storage)
        return make.plan(antlet, origin, params.template, installed, _today(), params.description), xml

    def check(params: MakeTemplate) -> MakeTemplate:
        look(params)
        return params

    def decide(ctx: Context) -> None:
        if "spec" not in ctx.values:
            made, xml = look(ctx.params)
            ctx.keep(dataset=made.dataset, spec=made.spec.model_dump(mode="json"), xml=xml, new=made.new)
            ctx.give(template=made.spec.name, version=made.spec.version)

    def fill(ctx: Context) -> None:
        antlet = host.inventory.antlet(ctx.params.antlet)
        made = make.MakePlan(ctx.values["dataset"], _spec(ctx), ctx.values["new"])
        for forgotten in make.fill_from(host.storage, antlet.directory, made, ctx.job):
            ctx.log(f"left out of the template: {forgotten}")

    def locks(params: MakeTemplate) -> tuple[str, ...]:
        return (f"antlet/{params.antlet}",)

    return _operation(host, "make-template", MakeTemplate, check, decide, fill, locks)


def _operation(
    host: Services,
    name: str,
    params: type[Any],
    check: Callable[[Any], Any],
    decide: Callable[[Context], None],
    fill: Callable[[Context], None],
    locks: Callable[[Any], tuple[str, ...]],
) -> Operation:
    """The steps of both: a dataset, what is in it, what describes it, the snapshot that is the version."""

    def create(ctx: Context) -> None:
        importer.create_dataset(host.storage, ctx.values["dataset"], _spec(ctx).kind, ctx.job)

    def undo(ctx: Context) -> None:
        if "dataset" in ctx.values:
            importer.undo(host.storage, ctx.values["dataset"], ctx.job)

    def write(ctx: Context) -> None:
        importer.write_files(host.storage, ctx.values["dataset"], _spec(ctx), ctx.values["xml"], ctx.job)

    def version(ctx: Context) -> None:
        importer.take_version(host.storage, ctx.values["dataset"], _spec(ctx).version, ctx.job)

    return Operation(
        JobKind(
            name=name,
            params=params,
            steps=(
                Step("decide", decide),
                Step("create", create, undo),
                Step("fill", fill),
                Step("write", write),
                Step("version", version, commits=True),
            ),
            locks=lambda given: (f"template/{given.template}", *locks(given)),
            title=lambda given: f"{name.replace('-', ' ')} {given.template}",
        ),
        check,
    )


def delete_template(host: Services) -> Operation:
    """Give the operation; refused while something is a clone of what would go."""

    def look(params: DeleteTemplate) -> catalogue.DeletePlan:
        found = catalogue.find(catalogue.templates(host.storage), params.template)
        return catalogue.delete_plan(found, params.version)

    def check(params: DeleteTemplate) -> DeleteTemplate:
        look(params)
        return params

    def decide(ctx: Context) -> None:
        if "destroy" not in ctx.values:
            ctx.keep(destroy=list(look(ctx.params).destroy))

    def destroy(ctx: Context) -> None:
        for name in ctx.values["destroy"]:
            host.storage.destroy(name)

    return Operation(
        JobKind(
            name="delete-template",
            params=DeleteTemplate,
            steps=(Step("decide", decide), Step("destroy", destroy, commits=True)),
            locks=lambda params: (f"template/{params.template}",),
            title=lambda params: f"delete template {params.template}",
        ),
        check,
    )


def _spec(ctx: Context) -> TemplateSpec:
    return TemplateSpec.model_validate(ctx.values["spec"])


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"cannot read {path}: {getattr(error, 'strerror', '') or error}") from None
