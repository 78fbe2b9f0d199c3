"""A real ISO around a system of a few kilobytes, made by the stage that makes the real ones."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

from edgelinux_build.archive import to_json, write_index
from edgelinux_build.cache import Result
from edgelinux_build.inputs import Json
from edgelinux_build.licences import write_licences
from edgelinux_build.outputs import manifest_of, publish
from edgelinux_build.plan import keyed
from edgelinux_build.stage import Context, Project, Upstream
from edgelinux_build.stages.iso import Iso

from tests.unit.build.test_sbom import archived

__all__ = ["make_results", "make_standin"]

KERNEL, ZFS = "6.1", "2.3"


def _noise(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311


def make_results(folder: Path) -> dict[str, Result]:
    """What the stages before the ISO would have made: bytes that stand for squashfs, kernel and loaders."""
    squashfs, loader = folder / "squashfs", folder / "loader"
    (loader / "i386-pc").mkdir(parents=True)
    squashfs.mkdir()
    for name, size in {"edgelinux.squashfs": 300_001, "vmlinuz": 20_000, "initramfs.img": 30_000}.items():
        (squashfs / name).write_bytes(_noise(name, size))
    packed = (squashfs / "edgelinux.squashfs").read_bytes()
    digest = hashlib.sha512(packed).hexdigest()
    (squashfs / "SHA512SUMS").write_text(f"{digest}  edgelinux.squashfs\n", encoding="utf-8")
    for name, size in {"eltorito.img": 40_000, "boot_hybrid.img": 512}.items():
        (loader / name).write_bytes(_noise(name, size))
    (loader / "net").mkdir()
    for name, size in {"grubx64.efi": 5000, "core.0": 4000}.items():
        (loader / "net" / name).write_bytes(_noise(f"net-{name}", size))
    for name in ("linux", "normal", "search"):
        (loader / "i386-pc" / f"{name}.mod").write_bytes(_noise(name, 700))
    (loader / "i386-pc/fdt.lst").write_bytes(b"")  # GRUB's list of that name is empty, too
    esp = loader / "esp.img"
    subprocess.run(
        ["mkfs.vfat", "--invariant", "-n", "EDGELINUX", "-C", esp, "1440"], check=True, capture_output=True
    )
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(["mmd", "-i", esp, "::/EFI", "::/EFI/BOOT"], check=True, env=env)
    for name in ("BOOTX64.EFI", "grubx64.efi", "mmx64.efi"):
        (folder / name).write_bytes(_noise(name, 3000))
        subprocess.run(["mcopy", "-i", esp, folder / name, f"::/EFI/BOOT/{name}"], check=True, env=env)
    facts: dict[str, Json] = {
        "sha256": hashlib.sha256(packed).hexdigest(),
        "kernel": KERNEL,
        "zfs": ZFS,
        "sizes": {},
        "packages": {"a": "1"},
    }
    index = folder / "index"
    index.mkdir()
    write_index(index, [archived("a")])
    write_licences(index, {})
    modules: dict[str, Json] = {"kernel": KERNEL, "zfs": ZFS, "packages": to_json([archived("zfs-source")])}
    return {
        "boot-loader": Result("boot-loader", "loader-key", loader, "loader-key"),
        "squashfs": Result("squashfs", "squashfs-key", squashfs, "squashfs-key", facts=facts),
        "package-index": Result("package-index", "index-key", index, "index-key"),
        "zfs-modules": Result("zfs-modules", "zfs-key", folder, "zfs-key", facts=modules),
    }


def make_standin(
    project: Project, results: dict[str, Result], scratch: Path, *, name: str = "", **changes: object
) -> Path:
    """Run the ISO stage and publish what it makes; returns the ISO, in `project.out` or that in `changes`."""
    project = replace(project, **changes)  # type: ignore[arg-type]
    out = scratch / (name or "made")
    for folder in (out, out / "scratch"):
        folder.mkdir(parents=True)

    def no_mirrors() -> object:
        raise AssertionError

    stage = Iso()
    ctx = Context(project, results, out / "scratch", out / "log", no_mirrors, print)  # type: ignore[arg-type]
    facts = stage.run(ctx, out)
    key, inputs = keyed(stage, project, {need: Upstream.of(results[need]) for need in stage.needs})
    made = Result("iso", key, project.out, key, inputs, facts)
    publish(out, project.out, manifest_of(project, results, made))
    return project.out / str(facts["iso"])
