"""What boot loaders read first from the network: GRUB's configuration and iPXE's script (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

import jinja2
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.medium.files import INITRAMFS, KERNEL
from edgelinux_build.menu import Menu, network_arguments, parse_serial
from edgelinux_build.pxe.layout import MEDIUM

__all__ = [
    "StaticBoot",
    "check_url",
    "first_grub_cfg",
    "first_ipxe",
    "grub_device",
    "static_grub_cfg",
    "static_ipxe",
]

# No sign that means something to GRUB, iPXE or a kernel command line; GRUB speaks no TLS.
_URL = re.compile(r"http://([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~+-]+)*)/?")
_GRUB_MAC = "$edgelinux_bootif"
_IPXE_MAC = "${netX/mac:hexhyp}"


@dataclass(frozen=True)
class StaticBoot:
    """Menus that need no other program than a web server: for every machine the same."""

    menu: Menu
    url: str
    """Where the tree is found; with or without a slash at the end."""
    sha512: str
    """Of the squashfs, in hexadecimal."""
    ks: str = ""
    """URL of the kickstart of an installation; without, a person is asked."""

    def arguments(self, mac: str, *, install: bool = False) -> str:
        """Return the kernel command line; `mac` is the boot loader's name for the card it booted from."""
        base = f"{check_url(self.url)}/{MEDIUM}"
        if not install:
            return network_arguments(self.menu, base, self.sha512, mac=mac)
        return network_arguments(self.menu, base, self.sha512, ks=self.ks, mac=mac) + " edgelinux.install"


def check_url(url: str) -> str:
    """Return a URL without a slash at its end; raises EdgeLinuxError if not every boot loader can use it."""
    if url.startswith("https://"):
        raise EdgeLinuxError(
            f"boot loaders cannot fetch from {url}",
            hint="they speak http only; what they fetch is checked by its checksum later",
            exit_code=2,
        )
    match = _URL.fullmatch(url)
    if not match or int(match[2] or 80) not in range(1, 65536):
        raise EdgeLinuxError(
            f"{url!r} cannot be booted from", hint="a URL such as http://192.0.2.1/edgelinux/", exit_code=2
        )
    return url.rstrip("/")


def grub_device(url: str) -> str:
    """Return GRUB's name for the server of a URL, and the path on it: `(http,192.0.2.1:8080)/edgelinux`.

    GRUB before 2.12 knows port 80 only, but where a distribution has added others. Raises EdgeLinuxError.
    """
    match = _URL.fullmatch(check_url(url))
    assert match  # noqa: S101  (just checked)
    port = f":{match[2]}" if match[2] and match[2] != "80" else ""
    return f"(http,{match[1]}{port}){match[3]}"


def static_grub_cfg(boot: StaticBoot) -> str:
    """Return GRUB's menu; raises EdgeLinuxError."""
    return _render("netboot.cfg.j2", boot, _GRUB_MAC, device=grub_device(boot.url))


def static_ipxe(boot: StaticBoot) -> str:
    """Return iPXE's menu; raises EdgeLinuxError."""
    return _render("netboot.ipxe.j2", boot, _IPXE_MAC, url=check_url(boot.url))


def first_grub_cfg(url: str) -> str:
    """Return the configuration that has `pxe serve` at this URL say what a machine is to do.

    GRUB does not try again by itself. Without an answer the firmware goes on with what it boots next.
    """
    return _environment().get_template("first.cfg.j2").render(device=grub_device(url), url=check_url(url))


def first_ipxe(url: str) -> str:
    """Return the script that does what `first_grub_cfg` does."""
    return _environment().get_template("first.ipxe.j2").render(url=check_url(url))


def _render(template: str, boot: StaticBoot, mac: str, **words: str) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            product=boot.menu.product,
            version=boot.menu.version,
            base_label=boot.menu.base_label,
            serial=parse_serial(boot.menu.serial),
            live=boot.arguments(mac),
            install=boot.arguments(mac, install=True),
            kernel=f"{MEDIUM}/{KERNEL}",
            initramfs=f"{MEDIUM}/{INITRAMFS}",
            **words,
        )
    )


def _environment() -> jinja2.Environment:
    def load(name: str) -> str:
        return resources.files("edgelinux_build").joinpath("templates", name).read_text(encoding="utf-8")

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (boot loaders' languages, not HTML)
    )
