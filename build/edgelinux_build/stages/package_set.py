"""Stage package-set: gets every package of a tree ahead, and makes repositories of them to install from.

diskimage-builder's own way to the first packages of an RPM distribution checks no signature. Here each file
is held against its repository's index and signed with the repository's key before anything of it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_build.antlet_templates import Template
from edgelinux_build.archive import upstream_version
from edgelinux_build.cache import cache_home
from edgelinux_build.images import Base
from edgelinux_build.inputs import Json, hash_file, hash_files, key_of
from edgelinux_build.mirror.place import Mirror
from edgelinux_build.mirror.rpm import createrepo_argv, make_rpm_mirror
from edgelinux_build.mirror.wish import Wish, host_wish, template_wish
from edgelinux_build.progress import Reporter
from edgelinux_build.repositories import KEYS
from edgelinux_build.rights import make_directory
from edgelinux_build.rpms import build_rpm
from edgelinux_build.sources import MIRROR, OWN
from edgelinux_build.stage import GIB, Context, Project, Stage, Upstream, package_sets
from edgelinux_build.stand_in import stand_in

__all__ = ["PackageSet"]


class PackageSet(Stage):
    """Makes `mirror/`, the base's repositories with what is needed of them, and for the host `own/`."""

    version: int = 1
    space: int = 3 * GIB
    downloads: bool = True
    identity_from_facts: bool = True

    def __init__(self, base: Base, template: Template | None = None) -> None:
        super().__init__()
        self.base, self.template = base, template
        (self.name,) = package_sets(base, template.name if template else "")
        self.title = f"packages of {template.name if template else 'the host'}"

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """The names that are asked for, and of whom. Not the mirrors: all hold the same packages."""
        wish, mirrors = self._wish(project), self.base.mirrors
        keys = [str(KEYS / key.file) for key in mirrors.keys.values()]
        return {
            "base": [self.base.name, self.base.release, self.base.arch, mirrors.architecture],
            "sets": [[*names] for names in wish.sets],
            "locked": {name: package.model_dump(mode="json") for name, package in wish.locked.items()},
            "repositories": [one.model_dump(mode="json", exclude={"url"}) for one in mirrors.repositories],
            "keys": {name: key.fingerprint for name, key in mirrors.keys.items()},
            "files": hash_files(project.root, keys),
            "stand_in": [] if self.template else list(self.base.zfs.stand_in),
            **project.stamp,
        }

    def identity(self, key: str, facts: Mapping[str, Json]) -> str:
        """Sets that are got at different times differ in the versions of their packages."""
        return key_of({"key": key, "files": facts["files"]})

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Get what is not here yet, check it, and take it over."""
        wish = self._wish(ctx.project)
        urls = ctx.mirrors_of(self.base).repositories
        ctx.say(f"packages from {next(iter(urls.values()))}")
        kept = cache_home() / "mirror" / self.base.name / "sets"
        make_directory(kept)
        others = [path for path in kept.iterdir() if path.name != self.name and not path.name.startswith(".")]
        mirror = make_rpm_mirror(wish, urls, kept / self.name, _Saying(ctx), others)
        # What is kept is where the next run goes on; both are the same files.
        run(["cp", "--archive", "--link", kept / self.name, out / MIRROR])
        if not self.template and self.base.zfs.stand_in:
            self._make_own(ctx, out / OWN, mirror)
        files: dict[str, Json] = {path: hash_file(out / path) for path in _own_files(out)}
        files |= {package.path: package.sha256 for package in mirror.packages}
        return {"files": files}

    def _wish(self, project: Project) -> Wish:
        lock = project.lock if project.locked else None
        if self.template is None:
            return host_wish(project.root, project.image, self.base, lock)
        wish = template_wish(project.root, project.image, self.base, self.template, lock)
        if wish is None:
            raise EdgeLinuxError(f"template {self.template.name} is not made of {self.base.name}")
        return wish

    def _make_own(self, ctx: Context, folder: Path, mirror: Mirror) -> None:
        zfs = self.base.zfs
        version = next((one.evr for one in mirror.packages if one.name == zfs.userland), "")
        if not version:
            raise EdgeLinuxError(
                f"no element asks for {zfs.userland}",
                hint=f"images/bases/{self.base.name}.yaml, zfs.userland",
            )
        folder.mkdir()
        package = stand_in(zfs.stand_in, upstream_version(version))
        arch = self.base.packages.architecture
        build_rpm(package, arch, folder, ctx.scratch, ctx.log, ctx.project.epoch)
        run(createrepo_argv(folder, ctx.project.epoch))


def _own_files(out: Path) -> Sequence[str]:
    return sorted(str(path.relative_to(out)) for path in (out / OWN).rglob("*.rpm"))


class _Saying(Reporter):
    """Tells of the work of a mirror as what the stage is at."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def note(self, text: str) -> None:
        self._ctx.say(text)

    def begin(self, stage: str, why: str) -> None:
        self._ctx.say(f"{stage}: {why}")

    def detail(self, stage: str, text: str) -> None:
        self._ctx.say(f"{stage}: {text}")

    def end(self, stage: str, seconds: float, *, ok: bool) -> None:
        pass

    def lines(self, lines: Sequence[str]) -> None:
        pass

    def close(self) -> None:
        pass
