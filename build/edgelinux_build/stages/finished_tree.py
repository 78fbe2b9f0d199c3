"""Stage finished-tree: the tree with this repository's packages, its units switched on, and no identity."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.labels import file_contexts, setfiles_argv
from edgelinux_hostd.run import run

from edgelinux_build.inputs import Json
from edgelinux_build.os_release import with_product
from edgelinux_build.process import StageError
from edgelinux_build.stage import Context, Project, Stage, Upstream
from edgelinux_build.tree import (
    capture_in,
    make_layer_folder,
    mounted_for_chroot,
    overlay,
    run_in,
    set_times,
)

from .root_tree import parse_packages

__all__ = ["FinishedTree", "image_json", "missing_dependencies"]

# What makes a host itself; each one gets its own at first boot or installation.
_IDENTITY = (
    "etc/ssh/ssh_host_*",
    "etc/hostid",
    "etc/zfs/zpool.cache",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/log/**/*.log",
    "etc/*-",
)
# As dpkg, rpm and dnf say it.
_MISSING = (
    re.compile(r"^\s*(?P<package>\S+) depends on (?P<needed>.+?); however:", re.M),
    re.compile(r"^\s*(?P<needed>\S.*?) is needed by (?P<package>\S+)", re.M),
    re.compile(r"nothing provides (?P<needed>.+?) needed by (?P<package>\S+)"),
)


class FinishedTree(Stage):
    """Makes the layer `tree/`: what installing changed on top of root tree and ZFS modules."""

    name: str = "finished-tree"
    title: str = "finished tree (hostd, installer)"
    version: int = 3
    needs: tuple[str, ...] = ("root-tree", "zfs-modules", "local-packages")

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The layers, the packages, and what image.json says."""
        base = project.base
        return {
            **{name: upstream[name].identity for name in self.needs},
            "image": image_json(project, {}, "", ""),
            "os-release": with_product("", project.image, base),
            "packages": base.packages.model_dump(mode="json"),
            "python": base.python_packages,
            "clean": list(base.clean),
            "accounts": list(_ACCOUNTS),
            **project.stamp,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Install, enable, describe, clean."""
        base = ctx.project.base
        root, zfs, local = (ctx.upstream[name] for name in self.needs)
        layers = [zfs.path / "tree", root.path / "tree"]
        started = ctx.scratch / "started"
        started.touch()
        with overlay(ctx.scratch / "tree", layers, out / "tree") as tree:
            with mounted_for_chroot(tree):
                _install(ctx, tree, local.path / "packages")
                run_in(tree, _ACCOUNTS, ctx.log)
                _set_units(ctx, tree, local.facts["units"])
                run_in(
                    tree,
                    ["python3", "-m", "compileall", "-q", *_COMPILE, base.python_packages],
                    ctx.log,
                )
                packages = parse_packages(capture_in(tree, base.packages.list))
            _clean(tree, base.clean)
            _name(tree, ctx.project)
            record = image_json(ctx.project, packages, str(root.facts["kernel"]), str(zfs.facts["zfs"]))
            target = make_layer_folder(tree, "usr/lib/edgelinux") / "image.json"
            target.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            if base.selinux:
                _label(ctx, tree)
        set_times(out / "tree", started, ctx.project.epoch)
        _mark_updated(out / "tree", ctx.project.epoch)
        return {"packages": dict(packages), "kernel": root.facts["kernel"], "zfs": zfs.facts["zfs"]}


# Debs of this repository run nothing when they are installed, and no boot does it later, since /etc is
# marked as up to date: so the users and groups that they declare (sysusers.d(5)) are made here.
_ACCOUNTS = ("systemd-sysusers",)

# Hashes instead of time stamps: the same bytes whenever it is built, and never checked again at run time.
_COMPILE = ("--invalidation-mode", "unchecked-hash")


def image_json(project: Project, packages: Mapping[str, str], kernel: str, zfs: str) -> dict[str, Json]:
    """Return /usr/lib/edgelinux/image.json, which edgelinux_hostd.image reads on host and live system."""
    image, base = project.image, project.base
    fields = ("shim", "mokmanager", "grub_efi", "grub_efi_prefix", "grub_efi_cd", "grub_pc")
    return {
        "product": image.product,
        "name": image.name,
        "version": image.version,
        "base": base.name,
        "base_label": base.label,
        "cpu_level": base.cpu_level,
        "kernel": kernel,
        "zfs": zfs,
        "kernel_args": list(image.kernel_args),
        "kernel_path": base.kernel_path.replace("{kernel}", kernel),
        "initramfs_path": base.initramfs_path.replace("{kernel}", kernel),
        "boot": {name: getattr(base.boot, name) for name in fields},
        "selinux": base.selinux,
        "packages": dict(packages),
    }


def _name(tree: Path, project: Project) -> None:
    """Have the system named after the product; what consoles show is hostd's, not /etc/issue."""
    release = tree / "usr/lib/os-release"
    text = with_product(release.read_text(encoding="utf-8"), project.image, project.base)
    release.write_text(text, encoding="utf-8")
    (tree / "etc/issue").write_text("", encoding="utf-8")


def _mark_updated(layer: Path, epoch: int) -> None:
    """Say that /etc and /var are up to date: systemd runs first-boot updates when /usr is newer.

    (ConditionNeedsUpdate= in systemd.unit(5).) The root tree may come from a build with a later epoch.
    """
    time = max(epoch, int((layer / "usr").stat().st_mtime) + 1)
    for folder in ("etc", "var"):
        stamp = make_layer_folder(layer, folder) / ".updated"
        stamp.touch()
        os.utime(stamp, (time, time))
        os.utime(layer / folder, (epoch, epoch))


def _install(ctx: Context, tree: Path, packages: Path) -> None:
    inside = tree / "run/edgelinux-packages"
    shutil.copytree(packages, inside)
    paths = [f"/run/edgelinux-packages/{path.name}" for path in sorted(inside.iterdir())]
    if not paths:
        return
    before = ctx.log.stat().st_size if ctx.log.exists() else 0
    try:
        run_in(tree, [*ctx.project.base.packages.install_local, *paths], ctx.log)
    except StageError as error:
        with ctx.log.open("rb") as file:
            file.seek(before)
            text = file.read().decode("utf-8", "replace")
        missing = missing_dependencies(text)
        if missing:
            raise StageError(
                f"the tree lacks dependencies: {'; '.join(missing)}",
                lines=error.lines,
                hint="add them to an element's package-installs.yaml",
            ) from error
        raise
    shutil.rmtree(inside)


def missing_dependencies(text: str) -> list[str]:
    """Return what the package manager complains about, as "package needs package"."""
    found = [match for pattern in _MISSING for match in pattern.finditer(text)]
    return [f"{match['package']} needs {match['needed']}" for match in found]


def _set_units(ctx: Context, tree: Path, units: Json) -> None:
    if not isinstance(units, dict):
        raise EdgeLinuxError("the packages' units are not a mapping")
    for verb, names in sorted(units.items()):
        if isinstance(names, list) and names:
            run_in(tree, ["systemctl", verb, *(str(name) for name in names)], ctx.log)


# What is mounted there is the build host's.
_NOT_THE_TREES = ("/dev", "/proc", "/run", "/sys")


def _label(ctx: Context, tree: Path) -> None:
    """Give every file its SELinux label; those that have it already stay in the layers below."""
    contexts = Path("/") / file_contexts(tree).relative_to(tree)
    with mounted_for_chroot(tree):
        run_in(tree, setfiles_argv(Path("/"), contexts, _NOT_THE_TREES), ctx.log)


def _clean(tree: Path, more: tuple[str, ...]) -> None:
    for pattern in (*_IDENTITY, *more):
        for path in sorted(tree.glob(pattern.lstrip("/"))):
            if path.is_dir() and not path.is_symlink():
                run(["rm", "-rf", "--one-file-system", path])
            else:
                path.unlink(missing_ok=True)
    resolv = tree / "etc/resolv.conf"
    if resolv.is_file() and not resolv.is_symlink():  # the build host's; NetworkManager writes its own
        resolv.unlink()
    machine_id = tree / "etc/machine-id"
    machine_id.unlink(missing_ok=True)
    # Empty means: make a new one, without the questions of a first boot (machine-id(5)).
    os.close(os.open(machine_id, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))
