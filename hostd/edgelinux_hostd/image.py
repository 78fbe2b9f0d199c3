"""What a tree is: usr/lib/edgelinux/image.json, written when it was built, the same live and installed."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["IMAGE_JSON", "BootFiles", "ImageInfo", "load"]

IMAGE_JSON = "usr/lib/edgelinux/image.json"


class BootFiles(BaseModel):
    """Where the base's boot loaders lie in the tree, and the prefix that its signed GRUB was built with."""

    model_config = ConfigDict(frozen=True)

    shim: str
    mokmanager: str
    grub_efi: str
    grub_efi_prefix: str
    grub_efi_cd: str = ""
    grub_pc: str


class ImageInfo(BaseModel):
    """The image's product, version, base, kernel, boot files and packages. Paths are absolute in the tree."""

    model_config = ConfigDict(frozen=True)

    product: str
    name: str
    version: str
    base: str
    base_label: str
    cpu_level: str
    kernel: str
    zfs: str
    kernel_args: tuple[str, ...] = ()
    kernel_path: str
    initramfs_path: str
    boot: BootFiles
    selinux: bool = False
    packages: dict[str, str] = {}


def load(root: Path = Path("/")) -> ImageInfo:
    """Read the image's description from a tree; raises EdgeLinuxError."""
    path = root / IMAGE_JSON
    try:
        return ImageInfo.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot read {path}: {error.strerror}", hint="is this an edgeLinux system?"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EdgeLinuxError(f"{path}: {where}: {first['msg']}") from error
