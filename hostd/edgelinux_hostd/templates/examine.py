"""Looking at what is to be imported before anything is created: its XML, its disks, what will be replaced."""

from __future__ import annotations

from dataclasses import dataclass

from edgelinux_hostd.antlets.names import check_template_name
from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.templates import pipeline
from edgelinux_hostd.templates.defaults import default_xml
from edgelinux_hostd.templates.notes import Note
from edgelinux_hostd.templates.offers import HostOffers
from edgelinux_hostd.templates.sources import Source, check_members, image_size, members
from edgelinux_hostd.templates.template_file import TemplateSpec

__all__ = ["Examined", "examine"]

_FITS: dict[str, Kind] = {"tar": "lxc", "image": "kvm"}


@dataclass(frozen=True)
class Examined:
    """What an import makes: description, XML as it is kept, disks' names, and what will be replaced."""

    spec: TemplateSpec
    xml: str
    images: tuple[str, ...]
    notes: tuple[Note, ...]


def examine(
    source: Source,
    xml: str | None,
    spec: tuple[str, str],
    offers: HostOffers,
    *,
    description: str = "",
    privileged: bool = False,
    where: str = "template XML",
    validate: bool = True,
) -> Examined:
    """Check a source with its XML (`spec`: the template's name and version); nothing is written.

    Without XML, a tarball becomes a container and an image a machine with one disk. `privileged` is for who
    asked for it. Raises InvalidError and RefusedError.
    """
    name, version = check_template_name(spec[0]), spec[1]
    if xml is None and source.format not in _FITS:
        raise InvalidError("a zfs stream needs its template XML", hint="{kvm,lxc}-<template>.antlet.xml")
    text = default_xml(_FITS[source.format]) if xml is None else xml
    prepared = pipeline.prepare(
        text, pipeline.sample(), offers, where=where, privileged=privileged, validate=validate
    )
    kind = pipeline.kind_of(prepared.xml)
    if privileged and kind != "lxc":
        raise InvalidError(f"{where} is a machine's, and only containers can be privileged")
    if _FITS.get(source.format, kind) != kind:
        what = "a root tarball" if kind == "lxc" else "a disk image"
        raise InvalidError(f"{source.path} does not fit {where}, which needs {what}")
    images = pipeline.image_files(prepared.xml) if kind == "kvm" else ()
    if source.format == "tar":
        check_members(members(source.path), source.path.name)
    elif source.format == "image":
        image_size(source)
        if len(images) != 1:
            raise InvalidError(
                f"{where} has {len(images)} disks, and {source.path} is one", hint="import a zfs stream"
            )
    described = TemplateSpec(
        name=name, kind=kind, version=version, description=description, privileged=privileged
    )
    return Examined(described, text, images, prepared.notes)
