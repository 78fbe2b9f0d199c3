"""Renders a site to one kickstart, and checks that the installer will accept it."""

from __future__ import annotations

import ipaddress
import shlex
from pathlib import Path

import jinja2
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.kickstart import read_kickstart
from edgelinux_installer.site.model import Site

__all__ = ["TEMPLATES", "render_kickstart"]

_REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = (
    _REPOSITORY if (_REPOSITORY / "edgelinux.ks.j2").is_file() else Path("/usr/share/edgelinux/kickstart")
)

DEFAULT_PASSWORD = "edgelinux"  # noqa: S105  (public by intent: it works at the console only, and expires at once)


def render_kickstart(site: Site) -> str:
    """Give the kickstart of a site. What comes out has been read back as the installer will read it.

    Raises EdgeLinuxError.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (the output is kickstart, not HTML; values go through the filters below)
    )
    environment.filters["quoted"] = _quoted
    environment.filters["plain"] = _one_line
    address = ipaddress.IPv4Interface(site.network.address) if site.network.address else None
    try:
        text = environment.get_template("edgelinux.ks.j2").render(
            site=site,
            address=str(address.ip) if address else "",
            netmask=str(address.netmask) if address else "",
            kernel_args=[*_consoles(site), *site.kernel_args],
            default_password="" if site.has_login else DEFAULT_PASSWORD,
        )
    except jinja2.TemplateError as error:
        raise EdgeLinuxError(f"the kickstart template fails: {error}") from error
    read_kickstart(text, "rendered kickstart")
    return text


def _consoles(site: Site) -> list[str]:
    # The last console is the one that early messages and /dev/console go to.
    return ["console=tty0", f"console={site.serial_console}"] if site.serial_console else ["console=tty0"]


def _one_line(value: object) -> str:
    """Refuse whatever would begin a new line: kickstart has no way to write it within one."""
    text = str(value)
    if len(text.splitlines()) > 1 or not text.isprintable():
        raise EdgeLinuxError(f"{text!r} cannot stand in a kickstart: it is not one line of printable text")
    return text


def _quoted(value: object) -> str:
    """Quote a value as one word (pykickstart splits lines with shlex)."""
    return shlex.quote(_one_line(value))
