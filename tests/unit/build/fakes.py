"""A small image and base, stages that cost nothing, and a reporter that remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgelinux_build.images import load_base, load_image
from edgelinux_build.inputs import Json
from edgelinux_build.lock import Lock, LockedPackage
from edgelinux_build.medium.info import BootDigests, MediaInfo
from edgelinux_build.stage import Context, Project, Stage, Upstream
from edgelinux_build.stages.lock_file import made_from

IMAGE = """\
name: small
product: Small OS
version: 1.2.3
elements:
  - tiny
packages: []
kernel_args: [quiet]
budget:
  iso: 10 MB
local_packages: []
"""

BASE = """\
name: base-1
label: Base 1
release: "1"
family: base
arch: amd64
cpu_level: x86-64-v1
element: tiny
mirrors:
  kind: apt
  probe: dists/one/InRelease
  archive_env: ARCHIVE
modules: /usr/lib/modules
kernel_path: /boot/vmlinuz-{kernel}
initramfs_path: /boot/initramfs-{kernel}.img
python_packages: /usr/lib/python3/dist-packages
boot:
  shim: /usr/lib/shim.efi
  mokmanager: /usr/lib/mm.efi
  grub_efi: /usr/lib/grub.efi
  grub_efi_prefix: /EFI/base
  grub_efi_cd: /usr/lib/gcd.efi
  grub_efi_cd_prefix: /boot/grub
  grub_efi_net: /usr/lib/grubnet.efi
  grub_efi_net_prefix: /grub
  grub_pc: /usr/lib/grub/i386-pc
packages:
  list: [list-packages]
  sources:
    /etc/sources: "{archive} one\\n"
  refresh: [load-index]
  describe: [show-packages]
  describe_word: "{name}={version}"
  pin:
    file: /etc/pins
    entry: "{name} {version}\\n"
  locked: {/etc/any-age: "yes\\n"}
  copyright: /usr/share/doc/{name}/copyright
  purl: "pkg:deb/base/{name}@{version}?arch={architecture}"
  install_local: [install-packages]
  kind: deb
zfs:
  userland: zfs
  commands:
    - [compile, "{kernel}"]
  modules: extra
  log: /var/log/compile.log
  version: [zfs-version]
  package: zfs-source
  tested: {kernel: "6", zfs: "2"}
"""


PACKAGE = """\
name: small-agent
summary: A small agent
description: |
  First paragraph, which is long enough that it has to be wrapped over more than one line of a control file.

  Second paragraph.
depends: [disk-tool, web-tool]
files:
  - source: units/*.service
    target: /usr/lib/systemd/system/
  - source: agent.conf
    target: /etc/agent.conf
    mode: "0640"
  - source: data
    target: /usr/share/agent
scripts:
  agent: small.cli:main
units:
  enable: [small.service]
  mask: [other.service]
restart: [small.service]
"""


def make_repository(root: Path) -> Path:
    """A small repository with one image and one base."""
    for name, text in {
        "images/small.yaml": IMAGE,
        "images/bases/base-1.yaml": BASE,
        "elements/tiny/install.d/10-tiny": "#!/bin/bash\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def make_room(repository: Path) -> Path:
    """A room with a package of one file of each kind."""
    room = repository / "agent"
    for name, text in {
        "packaging/package.yaml": PACKAGE,
        "units/small.service": "[Service]\n",
        "agent.conf": "a=1\n",
        "data/deep/run": "#!/bin/sh\n",
        "data/plain": "plain\n",
        "small/__init__.py": "",
        "small/cli.py": "def main(): ...\n",
        "small/__pycache__/cli.cpython-311.pyc": "x",
    }.items():
        (room / name).parent.mkdir(parents=True, exist_ok=True)
        (room / name).write_text(text, encoding="utf-8")
    (room / "data/deep/run").chmod(0o755)
    return room


def make_project(repository: Path, out: Path) -> Project:
    """A build of that repository's image."""
    return Project(
        root=repository,
        image=load_image(repository, "small"),
        base=load_base(repository, "base-1"),
        why_base="the only base there is",
        kickstart="# kickstart\n",
        unattended=False,
        serial="ttyS0,115200",
        epoch=1_700_000_000,
        out=out,
        jobs=2,
    )


def make_info() -> MediaInfo:
    """What the medium of such a build says about itself."""
    return MediaInfo(
        label="EDGELINUX",
        unattended=False,
        version="2.1.0",
        product="edgeLinux OS",
        image="small",
        base="base-1",
        base_label="Base 1",
        cpu_level="x86-64-v2",
        kernel="6.1",
        zfs="2.3",
        squashfs_sha256="00",
        serial="ttyS0,115200",
        source_date_epoch=1,
        boot=BootDigests(mbr="", bios="", uefi=""),
    )


class Root(Stage):
    """Depends on files; its identity is known only when it is made."""

    name = "root"
    title = "root"
    space = 0
    identity_from_facts = True
    runs = 0

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        return {"text": (project.root / "root.txt").read_text(encoding="utf-8")}

    def identity(self, key: str, facts: Mapping[str, Json]) -> str:
        return f"{key}-{facts['version']}"

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        type(self).runs += 1
        (out / "file").write_text("root", encoding="utf-8")
        return {"version": "1"}


class Side(Stage):
    """Depends on one fact of the root only."""

    name = "side"
    title = "side"
    space = 0
    needs = ("root",)

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        return {"version": upstream["root"].fact("version")}

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        (out / "file").write_text("side", encoding="utf-8")
        return {}


class Independent(Stage):
    """Needs nothing."""

    name = "independent"
    title = "independent"
    space = 0

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        return {}

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        ctx.say("at work")
        return {}


class Goal(Stage):
    """Comes last, makes the ISO."""

    name = "iso"
    title = "goal"
    published = True
    space = 0
    needs = ("root", "side", "independent")

    def inputs(self, project: Project, upstream: Mapping[str, Upstream]) -> dict[str, Json]:
        return {"kickstart": project.kickstart, **{name: upstream[name].identity for name in self.needs}}

    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        (out / "small.iso").write_bytes(b"iso")
        return {"iso": "small.iso", "size": 3, "sha256": "00", "label": "LABEL", "contents": {"kernel": "6"}}


FAKES: tuple[Stage, ...] = (Root(), Side(), Independent(), Goal())


@dataclass
class Recorder:
    """Keeps what a reporter is told."""

    said: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.said.append(text)

    def begin(self, stage: str, why: str) -> None:
        self.said.append(f"{stage} begins: {why}")

    def detail(self, stage: str, text: str) -> None:
        self.said.append(f"{stage}: {text}")

    def end(self, stage: str, seconds: float, *, ok: bool) -> None:
        self.said.append(f"{stage} {'ended' if ok else 'failed'}")

    def lines(self, lines: Sequence[str]) -> None:
        self.said += lines

    def close(self) -> None:
        self.said.append("closed")


def make_lock(
    project: Project,
    *,
    packages: Mapping[str, LockedPackage] | None = None,
    zfs: Mapping[str, LockedPackage] | None = None,
    pypi: Mapping[str, Mapping[str, str]] | None = None,
    epoch: int = 1_600_000_000,
) -> Lock:
    """A lock file that is up to date for a project."""
    return Lock.model_validate(
        {
            "image": project.image.name,
            "base": project.base.name,
            "made_from": made_from(project),
            "source_date_epoch": epoch,
            "packages": dict(packages or {}),
            "zfs_packages": dict(zfs or {}),
            "pypi": dict(pypi or {}),
        }
    )


def locked(project: Project, **parts: Mapping[str, LockedPackage]) -> Project:
    """The project, to be built with a lock file of these parts."""
    return replace(project, lock=make_lock(project, **parts), locked=True)  # type: ignore[arg-type]
