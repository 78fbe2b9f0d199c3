"""What is to be found in the image that the rehearsal built: what a person would look for on a host."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgelinux_build.images import Base, load_base
from edgelinux_build.lock import load_lock, lock_path
from edgelinux_build.medium.files import INITRAMFS, SQUASHFS
from edgelinux_build.medium.inspect import inspect
from edgelinux_build.outputs import MANIFEST, sbom_name
from edgelinux_build.stages.root_tree import version_differences
from edgelinux_build.tree import capture_in, mounted_for_chroot, overlay
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from tests.rehearsal.definitions import BASE

__all__ = ["problems"]

# Installed, and not.
_OWN = ("edgelinux-hostd", "edgelinux-installer", "python3-pykickstart")
_WANTED = (*_OWN, "edgelinux-zfs-modules", "zfs")
_UNWANTED = ("zfs-dkms", "dkms", "gcc", "kernel-devel")
_LABELS = {
    "usr/bin/bash": "bin_t",
    "etc/shadow": "shadow_t",
    # Of a layer above the one that has /usr/bin/bash
    "usr/bin/antlet": "bin_t",
    "etc/machine-id": "etc_t",
}
_IN_CONTAINER = ("./usr/bin/bash", "./etc/NetworkManager/system-connections/edgelinux.nmconnection")
_NOT_IN_CONTAINER = ("./usr/lib/modules/", "./usr/lib/firmware/", "./usr/lib/dracut/modules.d/", "./etc/apt/")
_IN_INITRAMFS = {"live": ("edgelinux-medium-generator",), "installed": ("zfs.ko", "spl.ko")}


def problems(root: Path, scratch: Path, templates: Sequence[str]) -> list[str]:
    """Say what is wrong with the image that was built in the repository `root`, its lock file and templates.

    The image is mounted, in the process's own mount namespace. Templates are containers'.
    """
    out = root / "out"
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    iso = out / manifest["iso"]["name"]
    base = load_base(root, BASE)
    # Not mounted itself: not every kernel knows what discs have.
    medium, system = scratch / "medium", scratch / "system"
    argv: list[str | Path] = ["xorriso", "-no_rc", "-osirrox", "on", "-indev", iso]
    for name in (SQUASHFS, INITRAMFS):
        argv += ["-extract", f"/{name}", medium / name]
    run(argv)
    system.mkdir()
    run(["mount", "-o", "loop,ro", medium / SQUASHFS, system])
    found = [*_medium(iso, base), *_manifest(manifest, iso, base), *_files(system, base)]
    found += _lock(root, manifest)
    found += [line for name in templates for line in _container(name, out / "templates" / name)]
    with overlay(scratch / "looked-at", [system], scratch / "looked-upper") as tree, mounted_for_chroot(tree):
        found += _packages(tree, base)
        initramfs = {
            "live": medium / INITRAMFS,
            "installed": system / base.initramfs_path.format(kernel=manifest["kernel"]).lstrip("/"),
        }
        for kind, path in initramfs.items():
            (tree / "tmp" / f"{kind}.img").write_bytes(path.read_bytes())
            listing = capture_in(tree, ["lsinitrd", f"/tmp/{kind}.img"])
            found += [f"{kind} initramfs has no {one}" for one in _IN_INITRAMFS[kind] if one not in listing]
    run(["umount", system])
    return found


def _medium(iso: Path, base: Base) -> Iterator[str]:
    found = inspect(iso)
    yield from found.problems
    if found.boot_paths.missing:
        yield f"the ISO does not boot with {', '.join(found.boot_paths.missing)}"
    if (found.info.base, found.info.base_label, found.info.cpu_level) != (
        base.name,
        base.label,
        base.cpu_level,
    ):
        yield f"the ISO says it is of {found.info.base_label} for {found.info.cpu_level}"
    if not found.info.selinux:
        yield "the ISO does not say that it has SELinux"


def _manifest(manifest: Mapping[str, Any], iso: Path, base: Base) -> Iterator[str]:
    if manifest["base"] != base.name:
        yield f"the manifest says base {manifest['base']}"
    packages = manifest["packages"]
    for name in _WANTED:
        if name not in packages:
            yield f"the manifest has no package {name}"
    document = json.loads((iso.parent / sbom_name(iso.name)).read_text(encoding="utf-8"))
    parts = {part["name"]: part for part in document["packages"]}
    zfs = parts.get("zfs", {})
    wanted = f"pkg:rpm/centos/zfs@{packages.get('zfs')}"
    if not any(one["referenceLocator"].startswith(wanted) for one in zfs.get("externalRefs", ())):
        yield f"the bill of materials has no {wanted}"
    if zfs.get("licenseDeclared") != "GPL-2.0-or-later AND MIT":
        yield f"the bill of materials says that zfs is {zfs.get('licenseDeclared')}"
    if not zfs.get("checksums"):
        yield "the bill of materials has no checksum of zfs's package file"


def _container(name: str, folder: Path) -> Iterator[str]:
    argv: list[str | Path] = ["tar", "--list", "--zstd", "--file", folder / "root.tar.zst"]
    # All directories are one stand-in package's, which stays.
    inside = [path for path in run(argv).stdout.splitlines() if not path.endswith("/")]
    for path in _IN_CONTAINER:
        if path not in inside:
            yield f"{name} has no {path}"
    yield from (f"{name} has {path}" for path in inside if path.startswith(_NOT_IN_CONTAINER))


def _lock(root: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    lock = load_lock(lock_path(root, manifest["image"], BASE))
    if lock is None:
        yield "there is no lock file"
        return
    # What is in the tree before this repository's own packages come.
    installed = {name: version for name, version in manifest["packages"].items() if name not in _OWN}
    yield from (f"locked: {line}" for line in version_differences(lock, installed))
    for name in _UNWANTED:
        if not (name in lock.zfs_packages and lock.zfs_packages[name].sha256):
            yield f"the lock file does not have {name}, which ZFS is compiled with"


def _files(system: Path, base: Base) -> Iterator[str]:
    image = json.loads((system / "usr/lib/edgelinux/image.json").read_text(encoding="utf-8"))
    places = [image["kernel_path"], image["initramfs_path"], "/usr/libexec/qemu-kvm", base.python_packages]
    places += [value for name, value in image["boot"].items() if not name.endswith("_prefix")]
    places += [f"{base.modules}/{image['kernel']}/{base.zfs.modules}"]
    for path in places:
        if not (system / path.lstrip("/")).exists():
            yield f"the system has no {path}"
    for folder in ("etc/yum.repos.d", "etc/apt", "etc/dpkg"):
        if any((system / folder).glob("*")):
            yield f"the system has files in /{folder}"
    release = (system / "usr/lib/os-release").read_text(encoding="utf-8")
    if "ID=centos" not in release or f"({base.label})" not in release:
        yield "os-release does not name product and base"
    for path, label in _LABELS.items():
        try:
            given = os.getxattr(system / path, "security.selinux").rstrip(b"\0").decode()
        except OSError as error:
            given = str(error.strerror)
        if f":{label}:" not in given:
            yield f"/{path} has no label {label}: {given}"


def _packages(tree: Path, base: Base) -> Iterator[str]:
    installed = [line.split("\t")[0] for line in capture_in(tree, base.packages.list).splitlines()]
    yield from (f"package {name} is not installed" for name in _WANTED if name not in installed)
    yield from (f"package {name} is installed" for name in _UNWANTED if name in installed)
    if not (tree / "etc/systemd/system/multi-user.target.wants/hostd.service").is_symlink():
        yield "hostd.service is not enabled"
    for program in ("antlet", "edgelinux-install"):
        try:
            capture_in(tree, [program, "--help"])
        except EdgeLinuxError as error:
            yield f"{program} does not start: {error.message}"
