"""Importing, making and installing templates on a pool in memory, with real tar, zstd and qemu-img."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path

import pytest
from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError, RefusedError
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.storage.base import JOB, KIND
from edgelinux_hostd.templates import catalogue, identity, importer, make, tree
from edgelinux_hostd.templates.examine import examine
from edgelinux_hostd.templates.offers import HostOffers
from edgelinux_hostd.templates.shipped import install_shipped
from edgelinux_hostd.templates.sources import Source, detect
from edgelinux_hostd.templates.template_file import TemplateSpec

from tests.unit.hostd.memory import MemoryStorage

DATASET = "antlets/TEMPLATES/t"
LXC = TemplateSpec(name="t", kind="lxc", version="1")
KVM = TemplateSpec(name="t", kind="kvm", version="1")


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path / "pool")


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc/ssh").mkdir(parents=True)
    (root / "etc/hostname").write_text("old", encoding="utf-8")
    (root / "etc/machine-id").write_text("1234\n", encoding="utf-8")
    (root / "etc/ssh/ssh_host_ed25519_key").write_text("secret", encoding="utf-8")
    path = tmp_path / "root.tar.zst"
    subprocess.run(["tar", "--zstd", "-cf", path, "-C", root, "."], check=True)
    return path


def _qcow2(path: Path, *options: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, "1M"], check=True)
    return path


def _all(
    storage: MemoryStorage, source: Source, spec: TemplateSpec, job: str = "j1", images: str = ""
) -> None:
    importer.create_dataset(storage, DATASET, spec.kind, job)
    importer.fill(storage, DATASET, spec.kind, source, job, tuple(images.split()))
    importer.write_files(storage, DATASET, spec, "<domain/>", job)
    importer.take_version(storage, DATASET, spec.version, job)


def test_a_root_tarball(storage: MemoryStorage, tarball: Path) -> None:
    _all(storage, detect(tarball), LXC)
    (found,) = catalogue.templates(storage)
    assert (found.name, found.kind, [version.name for version in found.versions]) == ("t", "lxc", ["1"])
    assert (found.directory / "rootfs/etc/hostname").read_text(encoding="utf-8") == "old"
    info = storage.dataset(DATASET)
    assert info is not None
    assert JOB not in info.local


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vhdx", "raw"])
def test_a_disk_image(storage: MemoryStorage, tmp_path: Path, format: str) -> None:
    image = tmp_path / "image"
    subprocess.run(["qemu-img", "create", "-q", "-f", format, image, "1M"], check=True)
    source = detect(image)
    assert source.image == format
    _all(storage, source, KVM, images="Linux.raw")
    assert (storage.root / DATASET / "disks/Linux.raw").stat().st_size == 1 << 20


def test_a_packed_disk_image(storage: MemoryStorage, tmp_path: Path) -> None:
    (tmp_path / "disk.raw").write_bytes(b"\0" * 4096 + b"x" * 512)
    subprocess.run(["zstd", "-q", tmp_path / "disk.raw"], check=True)
    _all(storage, detect(tmp_path / "disk.raw.zst"), KVM, images="disk0.raw")
    assert (storage.root / DATASET / "disks/disk0.raw").read_bytes().endswith(b"x" * 512)


def test_images_that_name_other_files_are_refused_unopened(tmp_path: Path) -> None:
    base = _qcow2(tmp_path / "base")
    with pytest.raises(RefusedError, match="based on another file"):
        detect(_qcow2(tmp_path / "overlay", "-b", str(base), "-F", "qcow2"))
    with pytest.raises(RefusedError, match="keeps its data in another file"):
        detect(_qcow2(tmp_path / "external", "-o", f"data_file={tmp_path / 'data'}"))
    (tmp_path / "flat.vmdk").write_text(
        '# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n', encoding="utf-8"
    )
    with pytest.raises(RefusedError, match="only names the files"):
        detect(tmp_path / "flat.vmdk")


def test_what_is_nothing_known(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello", encoding="utf-8")
    with pytest.raises(InvalidError, match="no tarball"):
        detect(tmp_path / "x")
    with pytest.raises(InvalidError, match="cannot read"):
        detect(tmp_path / "absent")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil"])
def test_tarballs_that_leave_their_directory_are_refused(
    storage: MemoryStorage, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    path = tmp_path / "bad.tar"
    subprocess.run(
        ["tar", "-P", "-cf", path, "-C", tmp_path, "--transform", f"s,file,{name},", "file"], check=True
    )
    importer.create_dataset(storage, DATASET, "lxc", "j1")
    with pytest.raises(RefusedError, match="outside the directory"):
        importer.fill(storage, DATASET, "lxc", detect(path), "j1")


def test_a_stream(storage: MemoryStorage, tmp_path: Path) -> None:
    path = tmp_path / "t.zfs"
    path.write_bytes(bytes(8) + (0x2F5BACBAC).to_bytes(8, "little") + bytes(16))
    source = detect(path)
    assert source.format == "zfs"
    importer.create_dataset(storage, DATASET, "lxc", "j1")
    importer.fill(storage, DATASET, "lxc", source, "j1")
    # What lies at the top of an old antlet's dataset is its root.
    assert (storage.root / DATASET / "rootfs/stream").exists()
    storage.destroy(DATASET)  # a crash between destroying and receiving
    importer.fill(storage, DATASET, "lxc", source, "j1")


def test_an_old_machines_dataset_is_brought_into_order(tmp_path: Path) -> None:
    _qcow2(tmp_path / "Linux.qcow2")
    tree.settle(tmp_path, "kvm", ("Linux.raw",))
    assert (tmp_path / "disks/Linux.raw").is_file()
    assert not (tmp_path / "Linux.qcow2").exists()


def test_links_in_a_stream_are_refused(tmp_path: Path) -> None:
    (tmp_path / "disks").mkdir()
    (tmp_path / "disks/a.raw").symlink_to("/dev/sda")
    with pytest.raises(RefusedError, match=r"a\.raw .* is a link"):
        tree.check(tmp_path, "kvm")
    (tmp_path / "rootfs").symlink_to("/")
    with pytest.raises(RefusedError, match=r"rootfs .* is a link"):
        tree.settle(tmp_path, "lxc", ())


def test_every_step_may_run_again(storage: MemoryStorage, tarball: Path) -> None:
    for _ in range(2):
        importer.create_dataset(storage, DATASET, "lxc", "j1")
    for _ in range(2):
        importer.fill(storage, DATASET, "lxc", detect(tarball), "j1")
    for _ in range(2):
        importer.write_files(storage, DATASET, LXC, "<domain/>", "j1")
    for _ in range(2):
        importer.take_version(storage, DATASET, "1", "j1")
    assert len(storage.snapshots(DATASET)) == 1


def test_undo_destroys_what_the_job_made_and_nothing_else(storage: MemoryStorage, tarball: Path) -> None:
    importer.create_dataset(storage, DATASET, "lxc", "j1")
    importer.fill(storage, DATASET, "lxc", detect(tarball), "j1")
    importer.undo(storage, DATASET, "another")
    assert storage.dataset(DATASET) is not None
    importer.undo(storage, DATASET, "j1")
    importer.undo(storage, DATASET, "j1")
    assert storage.dataset(DATASET) is None


def test_undoing_a_new_version_brings_the_newest_back(storage: MemoryStorage, tarball: Path) -> None:
    _all(storage, detect(tarball), LXC)
    importer.create_dataset(storage, DATASET, "lxc", "j2")
    tree.empty(storage.root / DATASET)
    importer.undo(storage, DATASET, "j2")
    (found,) = catalogue.templates(storage)
    assert [version.name for version in found.versions] == ["1"]
    assert (found.directory / "rootfs/etc/hostname").exists()


def test_datasets_of_others_are_refused(storage: MemoryStorage, tarball: Path) -> None:
    storage.create(DATASET, {})
    with pytest.raises(RefusedError, match="no template"):
        importer.create_dataset(storage, DATASET, "lxc", "j1")
    storage.set(DATASET, {KIND: "template", JOB: "j9"})
    with pytest.raises(RefusedError, match="job j9 works on"):
        importer.create_dataset(storage, DATASET, "lxc", "j1")
    with pytest.raises(RefusedError, match="not this job's"):
        importer.fill(storage, DATASET, "lxc", detect(tarball), "j1")


def test_full_pool(storage: MemoryStorage) -> None:
    storage.full = True
    with pytest.raises(EdgeLinuxError, match="out of space"):
        importer.create_dataset(storage, DATASET, "lxc", "j1")
    importer.undo(storage, DATASET, "j1")


def test_examine(tmp_path: Path, tarball: Path, kvm: HostOffers) -> None:
    found = examine(detect(tarball), None, ("t", "1"), kvm, validate=False)
    assert (found.spec.kind, found.images) == ("lxc", ())
    image = detect(_qcow2(tmp_path / "x.qcow2"))
    found = examine(image, None, ("t", "1"), kvm, validate=False)
    assert (found.spec.kind, found.images) == ("kvm", ("disk0.raw",))
    with pytest.raises(InvalidError, match="needs a disk image"):
        examine(detect(tarball), found.xml, ("t", "1"), kvm, validate=False)
    with pytest.raises(InvalidError, match="only containers can be privileged"):
        examine(image, None, ("t", "1"), kvm, privileged=True, validate=False)
    assert examine(detect(tarball), None, ("t", "1"), kvm, privileged=True, validate=False).spec.privileged
    bad = found.xml.replace("/antlets/{{name}}/disks/disk0.raw", "/dev/sda")
    with pytest.raises(RefusedError, match="reaches outside"):
        examine(image, bad, ("t", "1"), kvm, validate=False)


def _antlet(storage: MemoryStorage, state: State = State.STOPPED) -> Antlet:
    uuid = "6e8bc430-9c3a-11d9-9669-0800200c9a66"
    storage.create("antlets/web1", {})
    directory = storage.root / "antlets/web1"
    (directory / "rootfs/etc/ssh").mkdir(parents=True)
    (directory / "rootfs/etc/machine-id").write_text("1234\n", encoding="utf-8")
    (directory / "rootfs/etc/ssh/ssh_host_rsa_key").write_text("secret", encoding="utf-8")
    (directory / "antlet.xml.j2").write_text("<domain/>", encoding="utf-8")
    spec = AntletSpec.model_validate(
        {"name": "web1", "number": 25, "uuid": uuid, "kind": "lxc", "ram": 2048, "cpu": 3}
    )
    return Antlet("web1", 25, uuid, "antlets", "antlets/web1", directory, "lxc", spec, state)


def test_template_it(storage: MemoryStorage) -> None:
    antlet = _antlet(storage)
    origin, xml = make.source_files(antlet)
    made = make.plan(antlet, origin, "t", (), datetime.date(2026, 11, 24))
    importer.create_dataset(storage, made.dataset, "lxc", "j1")
    assert make.fill_from(storage, antlet.directory, made, "j1") == (
        "etc/machine-id",
        "etc/ssh/ssh_host_rsa_key",
    )
    importer.write_files(storage, made.dataset, made.spec, xml, "j1")
    importer.take_version(storage, made.dataset, made.spec.version, "j1")
    (found,) = catalogue.templates(storage)
    assert (found.ram, found.cpu, found.origin) == (2048, 3, "")
    assert (found.directory / "rootfs/etc/machine-id").read_bytes() == b""
    # The antlet itself keeps who it is, and can go.
    assert (antlet.directory / "rootfs/etc/ssh/ssh_host_rsa_key").exists()
    storage.destroy("antlets/web1")
    again = make.plan(antlet, origin, "t", (found,), datetime.date(2026, 11, 24))
    assert (again.spec.version, again.new) == ("2026-11-24-2", False)


def test_a_running_antlet_is_no_template(storage: MemoryStorage) -> None:
    with pytest.raises(RefusedError, match="is running"):
        make.plan(_antlet(storage, State.RUNNING), None, "t", (), datetime.date(2026, 11, 24))


def test_forgetting_follows_no_link_of_the_guests(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "ssh_host_rsa_key").write_text("the host's", encoding="utf-8")
    root = tmp_path / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/ssh").symlink_to(host)
    (root / "etc/machine-id").symlink_to(host / "ssh_host_rsa_key")
    identity.forget(root)
    assert (host / "ssh_host_rsa_key").read_text(encoding="utf-8") == "the host's"
    assert not (root / "etc/machine-id").is_symlink()


def test_shipped_templates(storage: MemoryStorage, tmp_path: Path, tarball: Path) -> None:
    shipped = tmp_path / "shipped/t"
    shipped.mkdir(parents=True)
    (shipped / "template.yaml").write_text("name: t\nkind: lxc\nversion: '2026-11-24'\n", encoding="utf-8")
    (shipped / "antlet.xml.j2").write_text(
        "<domain type='lxc'><name>{{name}}</name></domain>", encoding="utf-8"
    )
    os.link(tarball, shipped / "root.tar.zst")
    assert install_shipped(storage, "antlets", shipped.parent) == ("t@2026-11-24",)
    assert install_shipped(storage, "antlets", shipped.parent) == ()
    (found,) = catalogue.templates(storage)
    assert [version.name for version in found.versions] == ["2026-11-24"]
