"""The medium's boot menu and volume label."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import jinja2
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = [
    "Menu",
    "Serial",
    "live_arguments",
    "parse_serial",
    "render_grub_cfg",
    "render_search_cfg",
    "template_sha256",
    "volume_label",
]


@dataclass(frozen=True)
class Serial:
    """A serial console: the number of the port and its speed in bits per second."""

    unit: int
    speed: int


@dataclass(frozen=True)
class Menu:
    """What the menu of one medium depends on."""

    product: str
    version: str
    base_label: str
    label: str
    unattended: bool
    serial: str
    kernel_args: tuple[str, ...] = ()
    asks: bool = False


def volume_label(squashfs_sha256: str, kickstart: str, templates_sha256: str = "") -> str:
    """Return a label that no two media with different systems, kickstarts or antlet templates share."""
    digest = hashlib.sha256(f"{squashfs_sha256}{templates_sha256}\n{kickstart}".encode()).hexdigest()
    return f"EDGELINUX_{digest[:8].upper()}"


def parse_serial(console: str) -> Serial | None:
    """Turn a console argument such as `ttyS0,115200n8` into port and speed; "" is none.

    Raises EdgeLinuxError.
    """
    if not console:
        return None
    match = re.fullmatch(r"ttyS([0-9]+)(?:,([0-9]+)\w*)?", console)
    if not match:
        raise EdgeLinuxError(f"serial console {console!r} is not like ttyS0,115200", exit_code=2)
    return Serial(int(match[1]), int(match[2] or 9600))


def live_arguments(menu: Menu) -> str:
    """Return the kernel command line that boots the medium live."""
    arguments = [
        f"root=live:CDLABEL={menu.label}",
        "rd.live.image",
        "rd.live.dir=/live",
        "rd.live.squashimg=edgelinux.squashfs",
        "rd.live.overlay.overlayfs=1",
        "console=tty0",
    ]
    if menu.serial:
        arguments.append(f"console={menu.serial}")
    return " ".join([*arguments, *menu.kernel_args])


def render_grub_cfg(menu: Menu) -> str:
    """Return /boot/grub/grub.cfg of the medium; raises EdgeLinuxError."""
    for text in (menu.product, menu.version, menu.base_label):
        if not re.fullmatch(r"[\w .:()+~-]+", text):
            raise EdgeLinuxError(
                f"{text!r} cannot stand in a boot menu", hint="letters, digits, spaces, .:()+~-"
            )
    template = resources.files(__package__).joinpath("templates/grub.cfg.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (GRUB's language, not HTML)
    )
    return environment.from_string(template).render(
        product=menu.product,
        version=menu.version,
        base_label=menu.base_label,
        label=menu.label,
        unattended=menu.unattended,
        asks=menu.asks,
        serial=parse_serial(menu.serial),
        live_arguments=live_arguments(menu),
    )


def template_sha256() -> str:
    """Return the SHA-256 (hex) of the menu's template, which stages have among their inputs."""
    template = resources.files(__package__).joinpath("templates/grub.cfg.j2")
    return hashlib.sha256(template.read_bytes()).hexdigest()


def render_search_cfg(label: str) -> str:
    """Return the stub on the ESP: GRUB would else take the first medium that looks like a live system."""
    lines = (
        f"search --no-floppy --set=root --label {label}",
        "set prefix=($root)/boot/grub",
        "configfile $prefix/grub.cfg",
    )
    return "".join(f"{line}\n" for line in lines)
