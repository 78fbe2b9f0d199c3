from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.image import BootFiles, ImageInfo
from edgelinux_installer.nics import Nic
from edgelinux_installer.plan import Machine

GIB = 1024**3


def make_disk(name: str = "vda", **changes: Any) -> Disk:
    values: dict[str, Any] = {
        "name": name,
        "path": f"/dev/{name}",
        "size": 12 * GIB,
        "model": "",
        "serial": "",
        "wwn": "",
        "transport": "virtio",
        "removable": False,
        "read_only": False,
        "logical_sector": 512,
        "physical_sector": 512,
        "links": (f"/dev/disk/by-id/virtio-{name}", f"/dev/disk/by-path/pci-{name}"),
        "in_use": "",
        "contents": (),
    }
    return Disk(**(values | changes))


@pytest.fixture
def disk() -> Callable[..., Disk]:
    return make_disk


def make_image() -> ImageInfo:
    return ImageInfo(
        product="edgeLinux OS",
        name="edgelinux",
        version="2.1.0",
        base="testbase-1",
        base_label="Test base 1",
        cpu_level="x86-64-v2",
        kernel="6.12.0",
        zfs="2.3.9",
        kernel_args=("quiet",),
        kernel_path="/boot/vmlinuz-6.12.0",
        initramfs_path="/boot/initramfs-6.12.0.img",
        boot=BootFiles(
            shim="/usr/lib/shim/shimx64.efi",
            mokmanager="/usr/lib/shim/mmx64.efi",
            grub_efi="/usr/lib/grub/grubx64.efi",
            grub_efi_prefix="/EFI/test",
            grub_pc="/usr/lib/grub/i386-pc",
        ),
        packages={"zfs": "2.3.9", "sudo": "1.9"},
    )


@pytest.fixture
def image() -> ImageInfo:
    return make_image()


@pytest.fixture
def machine() -> Machine:
    return Machine(
        disks=(make_disk("vda"), make_disk("vdb")),
        nics=(Nic("ens3", "52:54:00:00:00:01", carrier=True),),
        firmware="uefi",
        cpu_level="x86-64-v3",
        locales=frozenset({"C.utf8", "en_US.utf8"}),
        accounts=frozenset({"root", "daemon"}),
        media_label="EDGELINUX_0123ABCD",
    )
