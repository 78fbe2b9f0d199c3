"""What a medium says about itself: /edgelinux/media.json, which programs on and off the medium read."""

from __future__ import annotations

import json
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import BaseModel, ConfigDict, ValidationError

from edgelinux_build.menu import Menu

__all__ = ["BootDigests", "MediaInfo"]


class BootDigests(BaseModel):
    """SHA-512 (hex) of the boot images, as edgelinux_installer.boot_images counts them."""

    model_config = ConfigDict(frozen=True)

    mbr: str
    bios: str
    uefi: str


class MediaInfo(BaseModel):
    """A medium's own description: with a kickstart it is all that menu and boot images depend on."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    """Raised when fields change their meaning; those that are added do not count."""
    label: str
    unattended: bool
    asks: bool = False
    """Whether an installation asks at the machine, in place of following the kickstart."""
    version: str
    product: str
    image: str
    base: str
    base_label: str
    cpu_level: str
    selinux: bool = False
    """Whether kickstarts may ask for it."""
    kernel: str
    zfs: str
    squashfs_sha256: str
    templates_sha256: str = ""
    """Stands for all antlet templates; empty for none."""
    serial: str
    """Console argument of the serial console, such as `ttyS0,115200`; empty for none."""
    kernel_args: tuple[str, ...] = ()
    source_date_epoch: int
    """Time stamp of everything on the medium, in seconds."""
    boot: BootDigests
    net_prefix: str = ""
    """Where the network boot loaders look for grub.cfg on their server; empty: the medium has none."""

    @classmethod
    def from_json(cls, text: str, file: str) -> MediaInfo:
        """Read media.json; `file` is the medium's name in messages. Raises EdgeLinuxError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            found = error.errors()[0]
            key = ".".join(str(part) for part in found["loc"]) or "its text"
            raise EdgeLinuxError(
                f"{file} was made by another version of edgelinux: media.json: {key}: {found['msg'].lower()}",
                hint="build it again, or use the edgelinux that made it",
            ) from error

    def to_json(self) -> str:
        """Return the text of media.json."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"

    @property
    def menu(self) -> Menu:
        """What the boot menu depends on."""
        return Menu(
            self.product,
            self.version,
            self.base_label,
            self.label,
            self.unattended,
            self.serial,
            self.kernel_args,
            self.asks,
        )
