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
    "network_arguments",
    "parse_serial",
    "render_grub_cfg",
    "render_search_cfg",
    "template_sha256",
    "volume_label",
]

_URL = r"https?://[!-~]+"
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
# Linux on x86: COMMAND_LINE_SIZE, with the byte that ends it.
_COMMAND_LINE = 2048


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
        *_consoles(menu),
    ]
    return " ".join(arguments)


def network_arguments(
    menu: Menu,
    base_url: str,
    sha512: str,
    *,
    ks: str = "",
    cert: str = "",
    notify: str = "",
    token: str = "",
    mac: str = "",
) -> str:
    """Return the kernel command line that boots what the medium holds from a web server, live.

    Like the medium's menu, the caller adds ` edgelinux.install` to have it installed.

    `base_url` is that of a directory laid out like the medium, `sha512` the SHA-512 (hex) of its squashfs.
    `ks` and `notify` are URLs, `cert` the SHA-256 (hex) of the servers' certificate, `token` what they want
    to see. `mac` is the address of the card to boot with. URLs and `mac` may be or hold a boot loader's
    variables, such as `${net0/mac:hexhyp}`. Raises EdgeLinuxError on what a kernel would not take.
    """
    base = base_url.rstrip("/")
    bootif = mac.replace(":", "-").lower() if _MAC.fullmatch(mac) else mac
    given = (
        ("edgelinux.medium", base, _URL, "an http or https URL"),
        ("edgelinux.sha512", sha512, r"[0-9a-f]{128}", "a SHA-512 in hexadecimal"),
        ("inst.ks", ks, r"[a-z]+:[!-~]+", "a URL"),
        ("edgelinux.cert", cert, r"[0-9a-f]{64}", "a SHA-256 in hexadecimal"),
        ("edgelinux.notify", notify, _URL, "an http or https URL"),
        ("edgelinux.token", token, r"[A-Za-z0-9._~+/=-]+", "letters, digits and ._~+/=-"),
        ("BOOTIF", bootif and f"01-{bootif}", r"01-([0-9a-f]{2}(-[0-9a-f]{2}){5}|\$\S+)", "a MAC address"),
    )
    words = []
    for key, value, pattern, what in given:
        if not value and key not in ("edgelinux.medium", "edgelinux.sha512"):
            continue
        if not re.fullmatch(pattern, value) or '"' in value:
            shown = key if key == "edgelinux.token" else f"{key}={value}"
            raise EdgeLinuxError(f"{shown} cannot be booted with: it is not {what}", exit_code=2)
        words.append(f"{key}={value}")
    line = " ".join(
        [
            # dracut's livenet makes the overlay of it; edgelinux.medium has it fetched in a better way.
            f"root=live:{base}/live/edgelinux.squashfs",
            "rd.live.image",
            "rd.live.overlay.overlayfs=1",
            "ip=dhcp",
            "rd.neednet=1",
            *words,
            *_consoles(menu),
        ]
    )
    if len(line) >= _COMMAND_LINE:
        raise EdgeLinuxError(
            f"a kernel command line of {len(line)} characters is too long: {line[:60]}…",
            hint=f"shorter URLs; the kernel takes {_COMMAND_LINE - 1}",
            exit_code=2,
        )
    return line


def _consoles(menu: Menu) -> list[str]:
    serial = [f"console={menu.serial}"] if menu.serial else []
    return ["console=tty0", *serial, *menu.kernel_args]


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
