"""Stage of antlet templates that are a kernel, busybox and some programs on a disk that boots by itself."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.antlet_templates import ApplianceRecipe, Template
from edgelinux_build.archive import ArchivePackage, lay_sources, pins
from edgelinux_build.bootdisk import Entry, cpio
from edgelinux_build.images import Base
from edgelinux_build.inputs import Json
from edgelinux_build.package_facts import describe_in, licences_of
from edgelinux_build.process import run_logged
from edgelinux_build.stage import Context, Project, Upstream
from edgelinux_build.tree import (
    capture_in,
    copy_sources,
    fill,
    make_layer_folder,
    mounted_for_chroot,
    overlay,
    put_files,
    run_in,
    set_times,
    use_host_resolver,
)

from .bootable import GRUB_MODULES, ROOT, Layout, grub_cfg, lay_out
from .root_tree import parse_packages
from .template import Made, TemplateStage, zstd_argv

__all__ = ["ApplianceTemplate", "libraries", "module_closure"]

_LEVEL = 19
_FOLDERS = (
    *("boot", "dev", "etc/dropbear", "proc", "root", "run", "sys", "tmp"),
    *("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "var"),
)


class ApplianceTemplate(TemplateStage):
    """Makes `disk.raw.zst`, with the tools of the root tree; its packages are downloaded, not installed."""

    needs = ("root-tree",)
    space = 2**29

    def __init__(self, template: Template, base: Base, recipe: ApplianceRecipe) -> None:
        super().__init__(template, base)
        self.recipe = recipe
        self.parts = recipe.bases[base.name]

    def definitions(self, project: Project) -> dict[str, Json]:
        """The boot loader as well."""
        return {**super().definitions(project), "grub": self.base.boot.grub_pc, "modules": [*GRUB_MODULES]}

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The tree as well: C library, boot loader and tools are its."""
        return {**super().inputs(project, upstream), "root-tree": upstream["root-tree"].identity}

    def make(self, ctx: Context, folder: Path) -> Made:
        """Unpack the packages over the tree, take from both what is needed, and lay out the disk."""
        below, upper = ctx.upstream["root-tree"].path / "tree", ctx.scratch / "upper"
        with overlay(ctx.scratch / "tree", [below], upper) as tree, mounted_for_chroot(tree):
            with ctx.sources(self.base) as sources:
                found = self._download(ctx, tree, sources)
            started = ctx.scratch / "started"
            started.touch()
            self._fill(ctx, tree, upper)
            cfg = grub_cfg("/boot/vmlinuz", "/boot/initramfs", self.recipe.kernel_args)
            set_times(tree / ROOT, started, ctx.project.epoch)
            disk = lay_out(ctx, tree, self.base.boot, Layout(self.recipe.size, "tiny-root", cfg))
            run_logged(zstd_argv(ctx.project, _LEVEL, disk, folder / "disk.raw.zst"), ctx.log)
            return Made(found, licences_of(ctx, self.base, tree, found))

    def _download(self, ctx: Context, tree: Path, sources: Mapping[str, str]) -> dict[str, ArchivePackage]:
        """Fetch the packages and unpack them, without running anything of theirs."""
        packages, project = self.base.packages, ctx.project
        lay_sources(tree, packages, sources)
        use_host_resolver(tree)
        if project.locked and project.lock:
            # What is in the tree already has its locked version.
            wanted = project.lock.templates.get(self.template.name, {})
            put_files(tree, pins(packages, wanted))
        run_in(tree, packages.refresh, ctx.log)
        run_in(tree, self.parts.download, ctx.log)
        names: dict[str, str] = {}
        for file in sorted((tree / self.parts.folder.lstrip("/")).iterdir()):
            if file.is_file() and file.stat().st_size:
                inside = {"package": f"{self.parts.folder}/{file.name}"}
                names |= parse_packages(capture_in(tree, [fill(word, inside) for word in self.parts.name]))
                run_in(tree, [fill(word, inside) for word in self.parts.unpack], ctx.log)
        return describe_in(ctx, self.base, tree, names)

    def _fill(self, ctx: Context, tree: Path, upper: Path) -> None:
        """Put together the root file system, kernel and initramfs in it."""
        root, parts = tree / ROOT, self.parts
        root.mkdir(mode=0o755)
        copy_sources(self.template.folder / "root", root)
        for name in _FOLDERS:
            make_layer_folder(root, name)
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        (root / "var/run").symlink_to("../run")
        (root / "root").chmod(0o700)
        (root / "etc/shadow").chmod(0o600)
        busybox = tree / parts.busybox.lstrip("/")
        shutil.copyfile(busybox, root / "usr/bin/busybox")
        (root / "usr/bin/busybox").chmod(0o755)
        for name in capture_in(tree, [parts.busybox, "--list-full"]).split():
            if not (root / name).exists():
                (root / name).symlink_to("/usr/bin/busybox")
        needed = [
            line for program in parts.programs for line in libraries(capture_in(tree, ["ldd", program]))
        ]
        for name in (*parts.programs, *sorted({*needed})):
            target = root / name.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(tree / name.lstrip("/"), target)
            target.chmod(0o755)
        # The upper layer has only what is new, so not the kernel of the tree.
        kernel = _one(upper, parts.kernel)
        modules = _one(upper, f"{parts.modules}/*")
        run_in(tree, ["depmod", modules.name], ctx.log)
        early = self._modules(modules, self.recipe.early_modules)
        inside = make_layer_folder(root, f"usr/lib/modules/{modules.name}")
        for file in self._modules(modules, self.recipe.modules):
            _unpack(file, inside / _plain(file.name))
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            shutil.copyfile(modules / name, inside / name)
        run_in(tree, ["depmod", "--basedir", f"/{ROOT}", modules.name], ctx.log)
        shutil.copyfile(kernel, root / "boot/vmlinuz")
        image = ctx.scratch / "initramfs"
        image.write_bytes(cpio(self._initramfs(busybox, early), ctx.project.epoch))
        run_logged(zstd_argv(ctx.project, _LEVEL, image, root / "boot/initramfs"), ctx.log)

    def _modules(self, modules: Path, names: Sequence[str]) -> list[Path]:
        text = (modules / "modules.dep").read_text(encoding="utf-8")
        builtin = (modules / "modules.builtin").read_text(encoding="utf-8")
        return [modules / name for name in module_closure(text, builtin, names)]

    def _initramfs(self, busybox: Path, modules: Sequence[Path]) -> Iterator[Entry]:
        for name in ("bin", "dev", "modules", "proc", "root", "sys"):
            yield Entry(name, stat.S_IFDIR | 0o755)
        init = self.template.folder / "initramfs/init"
        yield Entry("init", stat.S_IFREG | 0o755, init.read_bytes())
        yield Entry("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes())
        for number, module in enumerate(modules):
            # In the order of their names they are loaded.
            yield Entry(f"modules/{number:02}-{_plain(module.name)}", stat.S_IFREG | 0o644, _content(module))


def module_closure(dependencies: str, builtin: str, names: Sequence[str]) -> list[str]:
    """Return module files in the order in which they can be loaded; raises EdgeLinuxError for an unknown one.

    `dependencies` is modules.dep, `builtin` modules.builtin (depmod(8)).
    """
    needs = {
        file: rest.split() for file, _, rest in (line.partition(":") for line in dependencies.splitlines())
    }
    by_name = {_name(file): file for file in needs}
    present = {_name(line) for line in builtin.split()}
    found: dict[str, None] = {}
    for name in names:
        if _name(name) in present:
            continue
        file = by_name.get(_name(name))
        if file is None:
            raise EdgeLinuxError(f"the kernel has no module {name}")
        # The last of a module's needs is the first to be loaded.
        found |= dict.fromkeys([*reversed(needs[file]), file])
    return [*found]


def libraries(text: str) -> list[str]:
    """Return the files that ldd(1) names."""
    return re.findall(r"(?:=> |^\s+)(/\S+) \(0x", text, re.M)


def _name(file: str) -> str:
    return Path(file).name.partition(".")[0].replace("-", "_")


def _plain(name: str) -> str:
    return name.removesuffix(".xz").removesuffix(".zst")


def _content(module: Path) -> bytes:
    data = module.read_bytes()
    return lzma.decompress(data) if module.suffix == ".xz" else data


def _unpack(module: Path, target: Path) -> None:
    target.write_bytes(_content(module))


def _one(top: Path, pattern: str) -> Path:
    found = sorted(top.glob(pattern.lstrip("/")))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise EdgeLinuxError(f"the packages must have one {pattern}, they have {names}")
    return found[0]
