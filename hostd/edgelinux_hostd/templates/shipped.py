"""Putting the templates that travel with edgeLinux onto a pool: at installation, or when they are newer.

A shipped template is a directory with template.yaml, antlet.xml.j2 and root.tar.zst (LXC), or disk.raw.zst or
disk.qcow2 (KVM).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError
from edgelinux_hostd.storage.base import JOB, Storage
from edgelinux_hostd.templates import document, importer, pipeline, render, template_file
from edgelinux_hostd.templates.catalogue import PARENT, dataset_of
from edgelinux_hostd.templates.sources import Source, detect

__all__ = ["install_shipped"]

# Whose work it is, where a job would be named.
_SELF = "shipped"

_CONTENT: dict[Kind, tuple[str, ...]] = {"lxc": ("root.tar.zst",), "kvm": ("disk.raw.zst", "disk.qcow2")}


def install_shipped(
    storage: Storage, pool: str, directory: Path, progress: Callable[[str], None] = lambda _: None
) -> tuple[str, ...]:
    """Install all shipped templates of a directory; gives "name@version" of those that were not there yet.

    What an interruption left half-made is made anew. `progress` is told each template's name before it is
    worked on. Raises EdgeLinuxError.
    """
    if storage.dataset(f"{pool}/{PARENT}") is None:
        storage.create(f"{pool}/{PARENT}", {})
    found = sorted(path.parent for path in directory.glob(f"*/{template_file.FILE}"))
    return tuple(made for made in (_install(storage, pool, path, progress) for path in found) if made)


def _install(storage: Storage, pool: str, path: Path, progress: Callable[[str], None]) -> str:
    spec = template_file.load(path)
    dataset = dataset_of(pool, spec.name)
    if _installed(storage, dataset, spec.version):
        return ""
    progress(spec.name)
    xml = (path / render.FILE).read_text(encoding="utf-8")
    rendered = document.parse(
        render.render(xml, pipeline.sample(spec.ram, spec.cpu), str(path / render.FILE))
    )
    if rendered.kind() != spec.kind:
        raise InvalidError(f"{path}: {template_file.FILE} says {spec.kind}, {render.FILE} does not")
    try:
        importer.create_dataset(storage, dataset, spec.kind, _SELF)
        importer.fill(storage, dataset, spec.kind, _source(path, spec.kind), _SELF, _images(rendered))
        importer.write_files(storage, dataset, spec, xml, _SELF)
        importer.take_version(storage, dataset, spec.version, _SELF)
    except EdgeLinuxError:
        importer.undo(storage, dataset, _SELF)
        raise
    return f"{spec.name}@{spec.version}"


def _installed(storage: Storage, dataset: str, version: str) -> bool:
    info = storage.dataset(dataset)
    if info is None or JOB in info.local:
        return False
    return any(found.name == f"{dataset}@{version}" for found in storage.snapshots(dataset))


def _images(rendered: document.Document) -> tuple[str, ...]:
    return pipeline.image_files(rendered) if rendered.kind() == "kvm" else ()


def _source(path: Path, kind: Kind) -> Source:
    for name in _CONTENT[kind]:
        if (path / name).is_file():
            return detect(path / name)
    raise InvalidError(f"{path} has no {' or '.join(_CONTENT[kind])}")
