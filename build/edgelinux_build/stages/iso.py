"""Stage iso: the hybrid medium. Site file, kickstart and menu enter here, and nowhere before."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from edgelinux_hostd import __version__
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.boot_images import bios_digest, mbr_digest
from edgelinux_installer.medium_check import parse_sums

from edgelinux_build.antlet_templates import ApplianceRecipe, load_template
from edgelinux_build.cache import Result
from edgelinux_build.contents import components, lock_status, template_components
from edgelinux_build.images import load_base
from edgelinux_build.inputs import Json, hash_file, key_of
from edgelinux_build.licences import LICENCE
from edgelinux_build.medium.files import (
    BIOS_IMAGE,
    GRUB_MODULES,
    INITRAMFS,
    KERNEL,
    NET_BIOS,
    NET_GRUB,
    SQUASHFS,
    SQUASHFS_SUMS,
    SUMS,
    TEMPLATES,
    render_sums,
    sha512,
    small_files,
)
from edgelinux_build.medium.info import BootDigests, MediaInfo
from edgelinux_build.medium.write import stub_argv, write_env, xorriso_argv
from edgelinux_build.menu import render_search_cfg, template_sha256, volume_label
from edgelinux_build.process import run_logged
from edgelinux_build.sbom import Component, Medium, document, write_sbom
from edgelinux_build.stage import Context, Project, Stage, Upstream

from .template import FILES, stage_name

__all__ = ["Iso", "check_budget", "iso_name", "templates_digest"]


class Iso(Stage):
    """Makes the ISO and its bill of materials. They go to the output directory, not to the cache."""

    name: str = "iso"
    title: str = "hybrid ISO"
    version: int = 5
    published: bool = True
    needs: tuple[str, ...] = ("boot-loader", "squashfs", "package-index", "zfs-modules")

    def __init__(self, templates: Iterable[str] = ()) -> None:
        self.templates = tuple(templates)
        super().__init__(*self.templates)

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The system, the boot loader, the kickstart and the menu."""
        image, base = project.image, project.base
        return {
            **{name: upstream[name].identity for name in self.needs},
            "name": iso_name(project),
            "product": image.product,
            "image-version": image.version,
            "base": base.label,
            "cpu_level": base.cpu_level,
            "net_prefix": base.boot.grub_efi_net_prefix,
            "selinux": base.selinux,
            "kickstart": hashlib.sha256(project.kickstart.encode()).hexdigest(),
            "unattended": project.unattended,
            "asks": project.asks,
            "serial": project.serial,
            "kernel_args": list(image.kernel_args),
            "budget": image.iso_budget(base.name),
            "templates_budget": image.budget.templates,
            "menu": template_sha256(),
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
        templates = {name.removeprefix(stage_name("")): ctx.upstream[name] for name in self.templates}
        check_budget(project, templates)
        digest_of_all = templates_digest(templates)
        label = volume_label(str(squashfs.facts["sha256"]), project.kickstart, digest_of_all)
        env = write_env(project.epoch)
        loader = ctx.upstream["boot-loader"].path
        esp, stub = ctx.scratch / "esp.img", ctx.scratch / "stub.cfg"
        shutil.copyfile(loader / "esp.img", esp)
        stub.write_text(render_search_cfg(label), encoding="utf-8")
        run_logged(["mmd", "-i", esp, "::/boot", "::/boot/grub"], ctx.log, env=env)
        run_logged(stub_argv(esp, stub), ctx.log, env=env)
        info = _media_info(project, label, squashfs.facts, digest_of_all, _boot_digests(loader, esp))
        files = _files(info, project.kickstart, squashfs.path, loader, templates, ctx.scratch / "small")
        iso = out / iso_name(project)
        argv = xorriso_argv(label, project.epoch, iso, esp, loader / "boot_hybrid.img", files)
        run_logged(argv, ctx.log, env=env)
        size, budget = iso.stat().st_size, project.image.iso_budget(project.base.name)
        if size > budget:
            raise EdgeLinuxError(
                f"the ISO is {size / 1e6:.0f} MB, its budget is {budget / 1e6:.0f} MB",
                hint=f"budget.iso in images/{project.image.name}.yaml",
            )
        digest = hash_file(iso)
        parts = [*_components(ctx), *_template_components(ctx, templates)]
        medium = Medium(iso.name, project.image.product, project.image.version, digest, LICENCE)
        tool = f"edgelinux-{__version__}"
        write_sbom(document(medium, parts, tool, project.epoch), iso.with_suffix(".spdx.json"))
        contents: dict[str, Json] = {
            "squashfs_sha256": squashfs.facts["sha256"],
            **{name: squashfs.facts[name] for name in ("sizes", "kernel", "zfs", "packages")},
            "templates": {name: dict(made.facts) for name, made in templates.items()},
            "licences": {part.name: part.licence.expression for part in parts if not part.within},
            "lock": lock_status(
                project, ctx.upstream["package-index"], ctx.upstream["zfs-modules"], templates
            ),
        }
        return {"iso": iso.name, "size": size, "sha256": digest, "label": label, "contents": contents}


def _components(ctx: Context) -> list[Component]:
    packages = ctx.upstream["squashfs"].facts["packages"]
    if not isinstance(packages, dict):
        raise EdgeLinuxError("the tree's packages are not a mapping")
    named = {name: str(version) for name, version in packages.items()}
    index, zfs = ctx.upstream["package-index"], ctx.upstream["zfs-modules"]
    return components(ctx.project.base, named, index.path, zfs.facts)


def _template_components(ctx: Context, templates: Mapping[str, Result]) -> Iterator[Component]:
    project = ctx.project
    for name, made in templates.items():
        recipe = load_template(project.root, name).recipe
        base = project.base if isinstance(recipe, ApplianceRecipe) else load_base(project.root, recipe.base)
        yield from template_components(base, name, made.path)


def check_budget(project: Project, templates: Mapping[str, Result]) -> None:
    """Raise EdgeLinuxError when the templates' files outgrow their budget."""
    size = sum(path.stat().st_size for made in templates.values() for path in (made.path / FILES).iterdir())
    budget = project.image.budget.templates
    if budget and size > budget:
        raise EdgeLinuxError(
            f"the antlet templates are {size / 1e6:.0f} MB, their budget is {budget / 1e6:.0f} MB",
            hint=f"budget.templates in images/{project.image.name}.yaml",
        )


def iso_name(project: Project) -> str:
    """Return the ISO's file name, which names its base and whether it installs by itself."""
    suffix = "-unattended" if project.unattended else ""
    return f"{project.image.name}-{project.image.version}-{project.base.name}{suffix}.iso"


def _boot_digests(loader: Path, esp: Path) -> BootDigests:
    """Return the checksums of the boot images, of which xorriso is about to make a medium's."""
    return BootDigests(
        mbr=mbr_digest((loader / "boot_hybrid.img").read_bytes()),
        bios=bios_digest((loader / "eltorito.img").read_bytes()),
        uefi=sha512(esp),
    )


def templates_digest(templates: Mapping[str, Result]) -> str:
    """Return what stands for all templates; empty when there are none."""
    return key_of({name: made.facts["files"] for name, made in templates.items()}) if templates else ""


def _media_info(
    project: Project, label: str, squashfs: Mapping[str, Json], templates_sha256: str, boot: BootDigests
) -> MediaInfo:
    image, base = project.image, project.base
    return MediaInfo(
        label=label,
        unattended=project.unattended,
        asks=project.asks,
        version=image.version,
        product=image.product,
        image=image.name,
        base=base.name,
        base_label=base.label,
        cpu_level=base.cpu_level,
        selinux=base.selinux,
        kernel=str(squashfs["kernel"]),
        zfs=str(squashfs["zfs"]),
        squashfs_sha256=str(squashfs["sha256"]),
        templates_sha256=templates_sha256,
        serial=project.serial,
        kernel_args=image.kernel_args,
        source_date_epoch=project.epoch,
        boot=boot,
        net_prefix=base.boot.grub_efi_net_prefix,
    )


def _files(
    info: MediaInfo,
    kickstart: str,
    squashfs: Path,
    loader: Path,
    templates: Mapping[str, Result],
    folder: Path,
) -> dict[str, Path]:
    """Give every file of the medium, the list of checksums too; the small ones are written into `folder`."""
    files = {
        SQUASHFS: squashfs / "edgelinux.squashfs",
        SQUASHFS_SUMS: squashfs / "SHA512SUMS",
        KERNEL: squashfs / "vmlinuz",
        INITRAMFS: squashfs / "initramfs.img",
        BIOS_IMAGE: loader / "eltorito.img",
        NET_GRUB: loader / "net/grubx64.efi",
        NET_BIOS: loader / "net/core.0",
        **{f"{GRUB_MODULES}/{path.name}": path for path in sorted((loader / "i386-pc").iterdir())},
        **{
            f"{TEMPLATES}/{name}/{path.name}": path
            for name, made in templates.items()
            for path in sorted((made.path / FILES).iterdir())
        },
    }
    small = small_files(info, kickstart)
    # The largest file's checksum is known already.
    (known,) = parse_sums(files[SQUASHFS_SUMS].read_text(encoding="utf-8")).values()
    sums = {SQUASHFS: known, **{name: sha512(content) for name, content in small.items()}}
    sums |= {name: sha512(path) for name, path in files.items() if name != SQUASHFS}
    small[SUMS] = render_sums(sums).encode()
    folder.mkdir()
    for number, (name, content) in enumerate(small.items()):
        files[name] = folder / str(number)
        files[name].write_bytes(content)
    return files
