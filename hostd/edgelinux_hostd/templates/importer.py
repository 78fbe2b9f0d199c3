"""Importing a template, step by step: each step may run again after a crash and comes out the same.

    create_dataset → fill → write_files → take_version, undone by `undo`

A job marks the dataset it works on with a property of its own, so that undoing touches nothing else. What was
not there before becomes a template (`edgelinux:kind`) with its first version, and is not listed until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError, RefusedError
from edgelinux_hostd.storage.base import JOB, KIND, NAME, Storage
from edgelinux_hostd.templates import render, template_file, tree
from edgelinux_hostd.templates.sources import Source
from edgelinux_hostd.templates.template_file import TemplateSpec

__all__ = ["create_dataset", "directory_of", "fill", "take_version", "undo", "write_files"]


def directory_of(storage: Storage, dataset: str) -> Path:
    """Give where a dataset is mounted; raises EdgeLinuxError."""
    info = storage.dataset(dataset)
    if info is None or info.mountpoint is None:
        raise EdgeLinuxError(f"{dataset} is not there")
    if not info.mounted:
        storage.mount(dataset)
    return info.mountpoint


def create_dataset(storage: Storage, dataset: str, kind: Kind, job: str) -> None:
    """Create a template's dataset, or take hold of an installed template for a new version.

    KVM's has records of 64 KiB. Raises RefusedError when the dataset is not a template or another job's.
    """
    info = storage.dataset(dataset)
    if info is None:
        records = {"recordsize": "64K"} if kind == "kvm" else {}
        storage.create(dataset, {**records, JOB: job})
    elif info.local.get(KIND) != "template" and info.local.get(JOB) != job:
        raise RefusedError(f"{dataset} is there already, and no template", hint="give it another name")
    elif info.local.get(JOB, job) != job:
        raise RefusedError(f"job {info.local[JOB]} works on {dataset}", hint="wait for its end")
    elif JOB not in info.local:
        storage.set(dataset, {JOB: job})
    directory_of(storage, dataset).chmod(0o700)


def fill(
    storage: Storage, dataset: str, kind: Kind, source: Source, job: str, images: Sequence[str] = ()
) -> None:
    """Fill a template's dataset from a source, from the start.

    `images` are the disks that the XML has: an image becomes the only one. Raises EdgeLinuxError.
    """
    if source.format == "zfs":
        _receive(storage, dataset, source.path, job)
        tree.settle(directory_of(storage, dataset), kind, images)
    else:
        _check_ours(storage, dataset, job)
        directory = directory_of(storage, dataset)
        tree.empty(directory)
        if (source.format == "tar") != (kind == "lxc"):
            what = "a root tarball" if kind == "lxc" else "a disk image"
            raise InvalidError(f"{source.path} does not fit the template's XML", hint=f"it needs {what}")
        if source.format == "tar":
            tree.unpack(source.path, directory)
        elif len(images) != 1:
            raise InvalidError(
                f"the template's XML has {len(images)} disks, and {source.path} is one",
                hint="import it as a zfs stream",
            )
        else:
            tree.convert(source, directory / "disks" / images[0])
    tree.check(directory_of(storage, dataset), kind, images)


def _check_ours(storage: Storage, dataset: str, job: str) -> None:
    info = storage.dataset(dataset)
    if info is None or info.local.get(JOB) != job:
        raise RefusedError(f"{dataset} is not this job's")


def _receive(storage: Storage, dataset: str, stream: Path, job: str) -> None:
    """Receive a stream as a template's dataset: in place of the empty one that was created for it."""
    info = storage.dataset(dataset)
    if info is not None:
        _check_ours(storage, dataset, job)
        if KIND in info.local:
            raise RefusedError(
                f"{dataset} has versions, and a zfs stream is a template of its own",
                hint="give it another name",
            )
        _destroy(storage, dataset)
    with stream.open("rb") as file:
        storage.receive(file, dataset, {JOB: job})
    storage.mount(dataset)
    for snapshot in storage.snapshots(dataset):
        storage.destroy(snapshot.name)
    directory_of(storage, dataset).chmod(0o700)


def write_files(storage: Storage, dataset: str, spec: TemplateSpec, xml: str, job: str) -> None:
    """Write template.yaml and the template's XML, as it came: it is brought up to date at each start."""
    _check_ours(storage, dataset, job)
    directory = directory_of(storage, dataset)
    scratch = directory / f".{render.FILE}.new"
    scratch.write_text(xml, encoding="utf-8")
    scratch.chmod(0o644)
    scratch.replace(directory / render.FILE)
    template_file.dump(spec, directory)


def take_version(storage: Storage, dataset: str, version: str, job: str) -> str:
    """Take the snapshot that is the version, and end the job's hold on the dataset; gives its name."""
    snapshot = f"{dataset}@{version}"
    taken = next((found for found in storage.snapshots(dataset) if found.name == snapshot), None)
    if taken is None:
        _check_ours(storage, dataset, job)
        storage.snapshot(snapshot, {JOB: job})
    elif taken.local.get(JOB) != job:
        raise InvalidError(f"{dataset} has a version {version} already", hint="give it another version")
    info = storage.dataset(dataset)
    if info is not None and info.local.get(JOB) == job:
        storage.set(dataset, {KIND: "template", NAME: dataset.rpartition("/")[2]})
        storage.inherit(dataset, JOB)
    return snapshot


def undo(storage: Storage, dataset: str, job: str) -> None:
    """Undo all steps of a job: put an installed template back to its newest version, destroy a new one.

    No-op for a dataset that the job does not hold.
    """
    info = storage.dataset(dataset)
    if info is None or info.local.get(JOB) != job:
        return
    if KIND not in info.local:
        _destroy(storage, dataset)
        return
    versions = [found.name for found in storage.snapshots(dataset) if found.local.get(JOB) != job]
    if versions:
        storage.rollback(versions[-1], destroy_newer=True)
    storage.inherit(dataset, JOB)


def _destroy(storage: Storage, dataset: str) -> None:
    for snapshot in storage.snapshots(dataset):
        storage.destroy(snapshot.name)
    storage.destroy(dataset)
