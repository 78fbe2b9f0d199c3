"""Stage iso: the hybrid medium. Site file, kickstart and menu enter here, and nowhere before."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import ClassVar

from edgelinux_hostd import __version__
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.contents import LICENCE, components, lock_status
from edgelinux_build.inputs import Json, hash_file
from edgelinux_build.menu import Menu, render_grub_cfg, render_search_cfg, volume_label
from edgelinux_build.process import run_logged
from edgelinux_build.sbom import Component, Medium, document, write_sbom
from edgelinux_build.stage import Context, Project, Stage, Upstream

__all__ = ["Iso", "iso_name", "xorriso_argv"]

_ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"  # EFI system partition (UEFI specification, 5.3.3)
_DATA_TYPE = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"


class Iso(Stage):
    """Makes the ISO and its bill of materials. They go to the output directory, not to the cache."""

    name: ClassVar[str] = "iso"
    title: ClassVar[str] = "hybrid ISO"
    version: ClassVar[int] = 2
    published: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("boot-loader", "squashfs", "package-index", "zfs-modules")

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The system, the boot loader, the kickstart and the menu."""
        image, base = project.image, project.base
        template = resources.files("edgelinux_build").joinpath("templates/grub.cfg.j2")
        return {
            **{name: upstream[name].identity for name in self.needs},
            "name": iso_name(project),
            "product": image.product,
            "image-version": image.version,
            "base": base.label,
            "kickstart": hashlib.sha256(project.kickstart.encode()).hexdigest(),
            "unattended": project.unattended,
            "serial": project.serial,
            "kernel_args": list(image.kernel_args),
            "budget": image.budget.iso,
            "menu": hashlib.sha256(template.read_bytes()).hexdigest(),
            # What manifest and bill of materials say
            "lock": project.lock.digest if project.lock else "",
            "locked": project.locked,
            "release": project.commit,
            "purl": base.packages.purl,
            **project.stamp,
        }

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Lay out the medium, write it, and hold it against its budget."""
        project, squashfs = ctx.project, ctx.upstream["squashfs"]
        label = volume_label(str(squashfs.facts["sha256"]), project.kickstart)
        files = _small_files(project, label, ctx.scratch / "files")
        esp = ctx.scratch / "esp.img"
        loader = ctx.upstream["boot-loader"].path
        shutil.copyfile(loader / "esp.img", esp)
        env = {"SOURCE_DATE_EPOCH": str(project.epoch)}
        run_logged(["mmd", "-i", esp, "::/boot", "::/boot/grub"], ctx.log, env=env)
        run_logged(["mcopy", "-i", esp, files / "search.cfg", "::/boot/grub/grub.cfg"], ctx.log, env=env)
        iso = out / iso_name(project)
        run_logged(
            xorriso_argv(label, project.epoch, iso, esp, loader, squashfs.path, files), ctx.log, env=env
        )
        size, budget = iso.stat().st_size, project.image.budget.iso
        if size > budget:
            raise EdgeLinuxError(
                f"the ISO is {size / 1e6:.0f} MB, its budget is {budget / 1e6:.0f} MB",
                hint=f"budget.iso in images/{project.image.name}.yaml",
            )
        digest = hash_file(iso)
        parts = _components(ctx)
        medium = Medium(iso.name, project.image.product, project.image.version, digest, LICENCE)
        tool = f"edgelinux-{__version__}"
        write_sbom(document(medium, parts, tool, project.epoch), iso.with_suffix(".spdx.json"))
        contents: dict[str, Json] = {
            "squashfs_sha256": squashfs.facts["sha256"],
            **{name: squashfs.facts[name] for name in ("sizes", "kernel", "zfs", "packages")},
            "licences": {part.name: part.licence.expression for part in parts},
            "lock": lock_status(project, ctx.upstream["package-index"], ctx.upstream["zfs-modules"]),
        }
        return {"iso": iso.name, "size": size, "sha256": digest, "label": label, "contents": contents}


def _components(ctx: Context) -> list[Component]:
    packages = ctx.upstream["squashfs"].facts["packages"]
    if not isinstance(packages, dict):
        raise EdgeLinuxError("the tree's packages are not a mapping")
    named = {name: str(version) for name, version in packages.items()}
    index, zfs = ctx.upstream["package-index"], ctx.upstream["zfs-modules"]
    return components(ctx.project.base, named, index.path, zfs.facts)


def iso_name(project: Project) -> str:
    """Return the ISO's file name, which names its base and whether it installs by itself."""
    suffix = "-unattended" if project.unattended else ""
    return f"{project.image.name}-{project.image.version}-{project.base.name}{suffix}.iso"


def _small_files(project: Project, label: str, folder: Path) -> Path:
    image, base = project.image, project.base
    menu = Menu(
        image.product, image.version, base.label, label, project.unattended, project.serial, image.kernel_args
    )
    media = {"label": label, "unattended": project.unattended, "version": image.version}
    folder.mkdir()
    for name, text in {
        "grub.cfg": render_grub_cfg(menu),
        "search.cfg": render_search_cfg(label),
        "info": f"{image.product} {image.version} ({base.label})\n",
        "ks.cfg": project.kickstart,
        "media.json": json.dumps(media, indent=1) + "\n",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def xorriso_argv(
    label: str, epoch: int, iso: Path, esp: Path, loader: Path, squashfs: Path, files: Path
) -> list[str | Path]:
    """Return the command that writes the medium (xorrisofs(1)).

    BIOS boots El Torito from optical media and the boot code in the first sector from sticks; UEFI boots the
    same ESP both ways, as El Torito image and as a partition. The first partition is the ISO itself, so that
    its label is found on a stick as well.
    """
    date = time.strftime("%Y%m%d%H%M%S00", time.gmtime(epoch))
    argv: list[str | Path] = ["xorriso", "-as", "mkisofs", "-o", iso, "-V", label, "-r", "-graft-points"]
    argv += [f"--modification-date={date}", "--set_all_file_dates", date]
    argv += ["-partition_offset", "16", "-iso_mbr_part_type", _DATA_TYPE, "-appended_part_as_gpt"]
    argv += ["-append_partition", "2", _ESP_TYPE, esp, "--grub2-mbr", loader / "boot_hybrid.img"]
    argv += ["-c", "boot.catalog", "--boot-catalog-hide"]
    argv += ["-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
    argv += ["--grub2-boot-info", "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::"]
    argv += ["-no-emul-boot"]
    return argv + [
        f"{target}={source}"
        for target, source in {
            "/live/edgelinux.squashfs": squashfs / "edgelinux.squashfs",
            "/live/SHA512SUMS": squashfs / "SHA512SUMS",
            "/boot/vmlinuz": squashfs / "vmlinuz",
            "/boot/initramfs.img": squashfs / "initramfs.img",
            "/boot/grub/eltorito.img": loader / "eltorito.img",
            "/boot/grub/i386-pc": loader / "i386-pc",
            "/boot/grub/grub.cfg": files / "grub.cfg",
            "/.disk/info": files / "info",
            "/edgelinux/ks.cfg": files / "ks.cfg",
            "/edgelinux/media.json": files / "media.json",
        }.items()
    ]
