"""From a template's XML to what a runtime starts: rendered, brought up to date, confined, validated."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Literal, cast

from edgelinux_hostd.antlets.numbers import NETWORK
from edgelinux_hostd.antlets.spec import AntletSpec, Kind, Nic
from edgelinux_hostd.templates import document as xml_document
from edgelinux_hostd.templates.confine import confine
from edgelinux_hostd.templates.document import Document
from edgelinux_hostd.templates.modernise import modernise
from edgelinux_hostd.templates.notes import Note
from edgelinux_hostd.templates.offers import HostOffers
from edgelinux_hostd.templates.render import FILE, Variables, render, variables
from edgelinux_hostd.templates.validate import validate as validate_schema

__all__ = ["Prepared", "default_nics", "image_files", "kind_of", "prepare", "sample"]

Model = Literal["virtio", "e1000", "e1000e", "rtl8139"]


@dataclass(frozen=True)
class Prepared:
    """Domain XML that can be started, and what was replaced in the template's."""

    xml: str
    notes: tuple[Note, ...]


def prepare(
    text: str,
    spec: AntletSpec | Variables,
    offers: HostOffers,
    *,
    where: str = FILE,
    privileged: bool = False,
    validate: bool = True,
) -> Prepared:
    """Make an antlet's domain XML from its template's.

    `privileged` is template.yaml's. Raises InvalidError (not a template, not a domain) and RefusedError (it
    reaches outside the antlet) with all there is in `items`.
    """
    values = spec if isinstance(spec, Variables) else variables(spec)
    rendered = xml_document.parse(render(text, values, where), where)
    current, notes = modernise(rendered, offers)
    confine(current, values.name, privileged=privileged)
    xml = xml_document.serialise(current)
    if validate:
        validate_schema(xml, where)
    return Prepared(xml, notes)


def sample(ram: int = 512, cpu: int = 1) -> Variables:
    """Give variables to try a template with before there is an antlet."""
    return Variables(name="sample", ram=ram, cpu=cpu, iphex="0a")


def kind_of(xml: str | Document) -> Kind:
    """Tell what kind of antlet rendered XML makes; raises InvalidError."""
    return _document(xml).kind()


def default_nics(xml: str | Document) -> tuple[Nic, ...]:
    """Give the network cards an antlet has when it is created; MACs follow from its number."""
    found = _document(xml)
    return tuple(_nic(element) for element in found.root.iterfind("devices/interface"))


def image_files(xml: str | Document) -> tuple[str, ...]:
    """Name a machine's disk images as they lie in the antlet's disks/, in order: the first is its root."""
    found = _document(xml)
    return tuple(
        source.get("file", "").rpartition("/")[2]
        for drive in found.root.iterfind("devices/disk")
        if drive.get("device", "disk") == "disk" and (source := drive.find("source")) is not None
    )


def _document(xml: str | Document) -> Document:
    return xml if isinstance(xml, Document) else xml_document.parse(xml)


def _nic(element: ET.Element) -> Nic:
    source, model = element.find("source"), element.find("model")
    bridge = element.get("type") == "bridge"
    name = source.get("bridge" if bridge else "network") if source is not None else None
    card = model.get("type") if model is not None else None
    return Nic(
        type="bridge" if bridge else "network",
        source=name or NETWORK,
        model=cast(Model, card) if card in ("e1000", "e1000e", "rtl8139") else "virtio",
    )
