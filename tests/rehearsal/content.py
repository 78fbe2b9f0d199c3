"""The files of the stand-in packages: Debian's tree as the build made it, laid out as CentOS's would be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgelinux_build.archive import lay_sources
from edgelinux_build.cache import Result
from edgelinux_build.cpu_check import PROGRAM
from edgelinux_build.images import Base
from edgelinux_build.mirrors import find_mirrors
from edgelinux_build.sources import open_sources
from edgelinux_build.tree import mounted_for_chroot, overlay, run_in, use_host_resolver
from edgelinux_hostd.run import run

from tests.rehearsal.parts import MOVED, left_out, part_of, placed

__all__ = ["lay_out", "moves", "own_files", "sort"]

_MORE = (
    *("dnf", "rpm", "dnf-plugins-core", "python3-distro", "policycoreutils", "cpio"),
    *("busybox-static", "dropbear-bin"),
)
_SITE_PACKAGES = "usr/lib/python3/dist-packages"

# They stand in for a compiler and for DKMS: what is compiled is Debian's.
_GCC = """\
#!/bin/sh
# A stand-in: whatever is to be compiled, the program that Debian's compiler made of it is there.
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then
        exec cp /usr/share/standin/edgelinux-cpu "$2"
    fi
    shift
done
"""
_DKMS = """\
#!/bin/sh
# A stand-in: dkms autoinstall --kernelver KERNEL
mkdir -p "/usr/lib/modules/$3/extra"
cp /usr/share/standin/zfs/* "/usr/lib/modules/$3/extra/"
"""
_CONTEXTS = """\
/.*\tsystem_u:object_r:default_t:s0
/boot(/.*)?\tsystem_u:object_r:boot_t:s0
/etc(/.*)?\tsystem_u:object_r:etc_t:s0
/etc/shadow.*\t--\tsystem_u:object_r:shadow_t:s0
/usr(/.*)?\tsystem_u:object_r:usr_t:s0
/usr/s?bin(/.*)?\tsystem_u:object_r:bin_t:s0
/usr/lib(/.*)?\tsystem_u:object_r:lib_t:s0
/var(/.*)?\tsystem_u:object_r:var_t:s0
"""


def lay_out(root: Path, debian: Base, centos: Base, built: Mapping[str, Result], scratch: Path) -> Path:
    """Make the directory with everything at the places that CentOS's definition names; returns it."""
    tree, stage, log = scratch / "tree", scratch / "stage", scratch / "content.log"
    log.touch()
    with (
        overlay(tree, [built["root-tree"].path / "tree"], scratch / "upper"),
        mounted_for_chroot(tree),
        open_sources(root, debian, find_mirrors(debian)) as sources,
    ):
        lay_sources(tree, debian.packages, sources)
        use_host_resolver(tree)
        run_in(tree, debian.packages.refresh, log)
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "--no-install-recommends"]
        run_in(tree, [*install, *_MORE], log, env=env)
        # Of these, elements have removed the sources of what they made.
        run_in(tree, [*install, "--reinstall", "locales"], log, env=env)
        run(["cp", "--archive", "--one-file-system", tree, stage])
    kernel = str(built["root-tree"].facts["kernel"])
    own = own_files(root)
    for path in list(_walk(stage)):
        if left_out(path, own):
            _remove(stage / path.lstrip("/"))
    for old, new in moves(debian, centos, kernel).items():
        _move(stage / old.lstrip("/"), stage / new.lstrip("/"))
    _add(stage, centos, built["zfs-modules"].path / "tree", debian.zfs.modules)
    return stage


def moves(debian: Base, centos: Base, kernel: str) -> dict[str, str]:
    """Return where the files go that both definitions name, and the others that are known."""
    found = {debian.kernel_path: centos.kernel_path}
    # GRUB from the network first: on CentOS it is the same file as GRUB on a disk, which is the one to keep.
    for name in ("shim", "mokmanager", "grub_efi_cd", "grub_efi", "grub_mkimage"):
        found[getattr(debian.boot, name)] = getattr(centos.boot, name)
    filled = {old.format(kernel=kernel): new.format(kernel=kernel) for old, new in found.items()}
    return {**filled, **MOVED}


def own_files(root: Path) -> frozenset[str]:
    """Return the files that this repository's elements bring: the stand-in must not have them already."""
    found = set()
    for kind in ("static", "package-manager", "family-*"):
        for folder in root.glob(f"elements/*/{kind}"):
            found |= {f"/{path.relative_to(folder)}" for path in folder.rglob("*") if not path.is_dir()}
    return frozenset(found)


def sort(stage: Path, debian_tree: Path, moved: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the paths of each stand-in package; directories go to `filesystem`."""
    owner = {placed(path, moved): name for name, path in _dpkg(debian_tree)}
    found: dict[str, list[str]] = {}
    for path in _walk(stage):
        real = stage / path.lstrip("/")
        folder = real.is_dir() and not real.is_symlink()
        top = real.is_symlink() and path.count("/") == 1
        part = "filesystem" if folder or top else part_of(path, owner.get(path, ""))
        found.setdefault(part, []).append(path)
    return found


def _dpkg(tree: Path) -> Iterator[tuple[str, str]]:
    for listing in sorted((tree / "var/lib/dpkg/info").glob("*.list")):
        name = listing.name.removesuffix(".list").partition(":")[0]
        for path in listing.read_text(encoding="utf-8").splitlines():
            # Packages may still name what is a link to /usr.
            yield name, f"/usr{path}" if path.startswith(("/bin/", "/sbin/", "/lib/", "/lib64/")) else path


def _walk(stage: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(stage):
        folders.sort()
        for name in sorted([*folders, *files]):
            yield f"/{(Path(folder) / name).relative_to(stage)}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _move(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    # Some are links to what a package keeps elsewhere.
    shutil.copy2(old.resolve(), new)
    old.unlink()


def _add(stage: Path, centos: Base, zfs: Path, modules: str) -> None:
    """Write what Debian has not, or not like this."""
    # Units are switched on by the elements' presets.
    for link in [*stage.glob("etc/systemd/system/*"), *stage.glob("etc/systemd/system/*.wants/*")]:
        if link.is_symlink():
            link.unlink()
    for name, mode, text in (
        ("etc/rpm/macros.standin", 0o644, "%_dbpath /usr/lib/sysimage/rpm\n"),
        ("etc/dnf/dnf.conf", 0o644, "[main]\ngpgcheck=1\n"),
        ("etc/sysconfig/.standin", 0o644, ""),
        ("etc/yum.repos.d/centos.repo", 0o644, "[baseos]\nname=baseos\nbaseurl=http://centos.invalid/\n"),
        ("usr/lib/os-release", 0o644, 'NAME="CentOS Stream"\nID=centos\nVERSION_ID=10\n'),
        ("etc/selinux/targeted/contexts/files/file_contexts", 0o644, _CONTEXTS),
        (f"{_SITE_PACKAGES}/standin.pth", 0o644, f"{centos.python_packages}\n"),
        ("usr/bin/gcc", 0o755, _GCC),
        ("usr/sbin/dkms", 0o755, _DKMS),
    ):
        path = stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
    (stage / centos.python_packages.lstrip("/")).mkdir(parents=True, exist_ok=True)
    target = stage / "usr/share/standin"
    (target / "zfs").mkdir(parents=True)
    shutil.copyfile(zfs / PROGRAM, target / "edgelinux-cpu")
    (target / "edgelinux-cpu").chmod(0o755)
    for module in zfs.rglob(f"{modules}/**/*.ko*"):
        shutil.copyfile(module, target / "zfs" / module.name)
