"""A small repository with one image and one base, as the build's tests need it."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.images import load_base, load_image
from edgelinux_build.stage import Project

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
  grub_pc: /usr/lib/grub/i386-pc
packages:
  list: [list-packages]
  install_local: [install-packages]
  kind: deb
zfs:
  userland: zfs
  commands:
    - [compile, "{kernel}"]
  modules: extra
  log: /var/log/compile.log
  version: [zfs-version]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The root of a repository that has what the definitions name."""
    root = tmp_path / "repository"
    for name, text in {
        "images/small.yaml": IMAGE,
        "images/bases/base-1.yaml": BASE,
        "elements/tiny/install.d/10-tiny": "#!/bin/bash\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Project:
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
        out=tmp_path / "out",
        jobs=2,
    )
