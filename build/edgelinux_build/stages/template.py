"""What the stages of all antlet templates share: keys, description, packages, packing."""

from __future__ import annotations

import datetime
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgelinux_build.antlet_templates import DESCRIPTION, XML, Template
from edgelinux_build.archive import ArchivePackage, write_index
from edgelinux_build.images import Base
from edgelinux_build.inputs import Json, hash_file, hash_files, key_of
from edgelinux_build.licences import Declared, write_licences
from edgelinux_build.lock import differences
from edgelinux_build.stage import GIB, Context, Project, Stage, Upstream, package_sets

from .root_tree import refuse

__all__ = ["FILES", "Made", "TemplateStage", "stage_name", "zstd_argv"]

FILES = "template"
"""Directory of a stage's result that has the template's files, and nothing else."""


def stage_name(template: str) -> str:
    """Return the name of the stage that builds a template."""
    return f"template-{template}"


@dataclass(frozen=True)
class Made:
    """What a template was made of, by package."""

    packages: Mapping[str, ArchivePackage]
    licences: Mapping[str, Declared]


class TemplateStage(Stage):
    """Makes `template/`, the files that travel, and what is known of the packages in them."""

    space = 2 * GIB
    downloads = True
    identity_from_facts = True

    def __init__(self, template: Template, base: Base) -> None:
        super().__init__(*package_sets(base, template.name))
        self.template = template
        self.base = base
        self.name = stage_name(template.name)
        self.title = f"antlet template {template.name}"

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        """What decides what is in it, and a lock."""
        pinned: dict[str, Json] = {}
        if project.locked and project.lock:
            locked = project.lock.templates.get(self.template.name, {})
            pinned = {"lock": {name: package.version for name, package in sorted(locked.items())}}
            pinned |= project.stamp
        return {**self.definitions(project), **pinned}

    def definitions(self, project: Project) -> dict[str, Json]:
        """Return what decides which packages there are, and all else that is made of them."""
        packages = self.base.packages
        return {
            "files": hash_files(project.root, [self.template.files]),
            "base": self.base.name,
            "cpu_level": self.base.cpu_level,
            "packages": packages.model_dump(
                mode="json", include={"list", "sources", "refresh", "describe", "copyright", "pin"}
            ),
        }

    def identity(self, key: str, facts: Mapping[str, Json]) -> str:
        """Templates made at different times differ in the versions of their packages."""
        return key_of({"files": facts["files"]})

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        """Make the files, and check the packages against a lock."""
        folder = out / FILES
        folder.mkdir()
        made = self.make(ctx, folder)
        packages = made.packages
        if ctx.project.locked and ctx.project.lock:
            wanted = ctx.project.lock.templates.get(self.template.name, {})
            refuse(differences(wanted, {name: package.locked for name, package in packages.items()}))
        write_index(out, packages.values())
        write_licences(out, made.licences)
        text = render_description(self.template.description, ctx.project.epoch, self.base.cpu_level)
        (folder / DESCRIPTION).write_text(text, encoding="utf-8")
        (folder / XML).write_bytes((self.template.folder / XML).read_bytes())
        return {
            "files": {
                path.name: {"sha256": hash_file(path), "size": path.stat().st_size}
                for path in sorted(folder.iterdir())
            },
            "packages": {name: package.version for name, package in packages.items()},
        }

    @abstractmethod
    def make(self, ctx: Context, folder: Path) -> Made:
        """Make what is built, in `folder`; says what packages are in it."""


def render_description(description: Mapping[str, Any], epoch: int, cpu_level: str) -> str:
    """Return template.yaml as it travels: its version is the day of the build, its CPU level the base's."""
    day = datetime.datetime.fromtimestamp(epoch, datetime.UTC).date().isoformat()
    return yaml.safe_dump(
        {**description, "version": day, "cpu_level": cpu_level}, sort_keys=False, allow_unicode=True
    )


def zstd_argv(project: Project, level: int, source: Path, target: Path) -> list[str | Path]:
    """Return the command that packs a file. The window is the largest that unpackers take unasked."""
    return ["zstd", "-q", f"-{level}", "--long=27", f"-T{project.jobs}", source, "-o", target]
