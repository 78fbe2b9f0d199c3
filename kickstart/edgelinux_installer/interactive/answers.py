"""What a person has answered, what is wrong with it, and the kickstart and the plan that come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.interactive.world import World
from edgelinux_installer.kickstart import KickstartError, read_kickstart
from edgelinux_installer.plan import InstallPlan, make_plan
from edgelinux_installer.site.model import Site, check_site
from edgelinux_installer.site.render import render_kickstart
from edgelinux_installer.site.yaml_lines import Location

__all__ = [
    "FILE",
    "NO_LOGIN",
    "Answers",
    "PageName",
    "check",
    "first_answers",
    "kickstart",
    "one_line",
    "plan",
    "site_data",
    "stable_name",
]

FILE = "the answers"
"""What messages call the kickstart that was typed."""

NO_LOGIN = "nobody could log in to the host: give a password, or a key, or both"

PageName = Literal["disks", "network", "place", "access"]

# Where a site file's keys are typed: page and field. Longest first.
_FIELDS: tuple[tuple[Location, PageName, str], ...] = (
    (("disks",), "disks", "disks"),
    (("network", "device"), "network", "nic"),
    (("network", "vlan"), "network", "vlan"),
    (("network", "gateway"), "network", "gateway"),
    (("network", "nameservers"), "network", "nameservers"),
    (("network",), "network", "address"),
    (("hostname",), "network", "hostname"),
    (("timezone",), "place", "timezone"),
    (("keyboard",), "place", "keyboard"),
    (("root", "ssh_keys"), "access", "key"),
    (("root",), "access", "password"),
)
_MAIN = {"disks": "disks", "network": "nic", "place": "timezone", "access": "password"}


@dataclass(frozen=True)
class Answers:
    """All answers; texts are as typed. `disks` are names as lsblk gives them, `nic` is a MAC address."""

    disks: tuple[str, ...] = ()
    layout: Literal["mirror", "single"] = "mirror"
    nic: str = ""
    method: Literal["dhcp", "static"] = "dhcp"
    address: str = ""
    gateway: str = ""
    nameservers: str = ""
    vlan: str = ""
    hostname: str = "edgelinux"
    timezone: str = "Etc/UTC"
    keyboard: str = "us"
    password_hash: str = ""
    ssh_keys: tuple[str, ...] = ()


def first_answers(world: World) -> Answers:
    """Give what the forms begin with: nothing that erases anything, and the first card with a signal."""
    cards = sorted(world.cards, key=lambda card: not card.carrier)
    return Answers(nic=cards[0].mac if cards else "")


def site_data(answers: Answers, world: World) -> dict[str, Any]:
    """Give the answers as the document of a site file."""
    disks = [world.disk(name) for name in answers.disks]
    network: dict[str, Any] = {"device": answers.nic or "link", "bootproto": answers.method}
    if answers.vlan.strip():
        vlan = answers.vlan.strip()
        network["vlan"] = int(vlan) if vlan.isascii() and vlan.isdigit() else vlan
    if answers.method == "static":
        network |= {
            "address": answers.address.strip() or None,
            "gateway": answers.gateway.strip() or None,
            "nameservers": answers.nameservers.replace(",", " ").split(),
        }
    return {
        "hostname": answers.hostname.strip(),
        "disks": {
            "select": [stable_name(disk) for disk in disks],
            "count": len(disks) or None,
            "layout": answers.layout,
            # Kept out where it is not needed: the saved kickstart then refuses disks that hold something.
            "wipe": any(disk.contents for disk in disks),
        },
        "network": network,
        "timezone": answers.timezone,
        "keyboard": answers.keyboard,
        "root": {"password_hash": answers.password_hash or None, "ssh_keys": list(answers.ssh_keys)},
        "serial_console": world.serial or None,
    }


def stable_name(disk: Disk) -> str:
    """Name a disk as it is called after the next start, too: by its id, else as it is called now."""
    names = [link for link in disk.links if re.fullmatch(r"/dev/disk/by-id/[A-Za-z0-9._:@+=-]+", link)]
    # Model and serial number say more to a person than a WWN does.
    telling = [name for name in names if not re.search(r"/(wwn-|nvme-eui|nvme-nvme|scsi-\d)", name)]
    return (telling or names or [disk.path])[0]


def check(answers: Answers, world: World, page: PageName) -> dict[str, str]:
    """Say what is wrong with the answers on a page: one line for each field."""
    site, found = check_site(site_data(answers, world))
    wrong: dict[str, str] = {}
    for at, message, hint in found:
        on, field = next((on, field) for key, on, field in _FIELDS if at[: len(key)] == key)
        if on == page:
            wrong.setdefault(field, _sentence(message, hint))
    if page == "disks" and not answers.disks:
        wrong["disks"] = "no disk is chosen: go to one and press Space"
    if page == "access" and not (answers.password_hash or answers.ssh_keys):
        wrong["password"] = NO_LOGIN
    if wrong or site is None or not answers.disks:
        return wrong
    try:
        _plan_of(site, world)
    except EdgeLinuxError as error:
        return {_MAIN[page]: one_line(error)}
    return {}


def kickstart(answers: Answers, world: World) -> str:
    """Give the kickstart that the answers are. Raises EdgeLinuxError."""
    site, found = check_site(site_data(answers, world))
    if site is None:
        raise EdgeLinuxError(_sentence(*found[0][1:]))
    return render_kickstart(site)


def plan(text: str, world: World) -> InstallPlan:
    """Decide the installation of a kickstart, as the unattended installer does. Raises EdgeLinuxError."""
    return make_plan(read_kickstart(text, FILE), world.machine, world.image)


def one_line(error: EdgeLinuxError) -> str:
    """Write an error as it stands beside a field: without the line of a kickstart that nobody has seen."""
    message = error.message
    if isinstance(error, KickstartError):
        message = message.removeprefix(f"{error.file}:{error.line}: ").removeprefix(f"{error.file}: ")
    return _sentence(message, error.hint)


def _plan_of(site: Site, world: World) -> InstallPlan:
    return plan(render_kickstart(site), world)


def _sentence(message: str, hint: str) -> str:
    return " ".join(f"{message} ({hint})".split()) if hint else " ".join(message.split())
