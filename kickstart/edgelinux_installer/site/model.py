"""The site file: what is particular about one site's hosts. Validated here, rendered elsewhere."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from edgelinux_installer.kickstart.addons import MOST_DISKS
from edgelinux_installer.kickstart.diskterm import parse_term
from edgelinux_installer.site.types import (
    Account,
    Address,
    Argument,
    CertificatePin,
    Device,
    DiskSelection,
    Host,
    Hostname,
    Interface,
    Keyboard,
    Locale,
    PasswordHash,
    Port,
    ReportUrl,
    Script,
    SerialConsole,
    SshPublicKey,
    TimeZone,
    Token,
)
from edgelinux_installer.site.yaml_lines import Location, Problem, YamlError, dotted, read_yaml

__all__ = [
    "Disks",
    "Firewall",
    "Found",
    "Network",
    "Notify",
    "Root",
    "Site",
    "User",
    "check_site",
    "load_site",
    "parse_site",
]


class _Model(BaseModel):
    # Strict: `hostname: 12` is a mistake, not the text "12".
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Disks(_Model):
    """Which disks become the pool. Without `count`: as many as `select` names, else two (single: one)."""

    select: list[DiskSelection] = []
    count: int | None = Field(default=None, ge=1, le=MOST_DISKS)
    layout: Literal["mirror", "single"] = "mirror"
    wipe: bool = False

    @property
    def explicit(self) -> bool:
        """Whether every selected disk is named by path or serial number, none by a pattern."""
        return bool(self.select) and all(parse_term(term).exact for term in self.select)

    @property
    def number(self) -> int:
        """How many disks are asked for."""
        if self.count is not None:
            return self.count
        if self.layout == "single":
            return 1
        return len(self.select) if self.explicit else 2


class Network(_Model):
    """One NIC, by default bridged to br0 so that antlets can share it."""

    device: Device = "link"
    vlan: int | None = Field(default=None, ge=1, le=4094)
    bridge: Device | None = "br0"
    bootproto: Literal["dhcp", "static"] = "dhcp"
    address: Interface | None = None
    gateway: Address | None = None
    nameservers: list[Address] = []


class Root(_Model):
    """How root logs in: the password at the console, the keys over SSH."""

    password_hash: PasswordHash | None = None
    ssh_keys: list[SshPublicKey] = []


class User(_Model):
    """A person's account."""

    name: Account
    password_hash: PasswordHash | None = None
    ssh_keys: list[SshPublicKey] = []
    groups: list[Account] = []
    sudo: bool = False


class Firewall(_Model):
    """What the host accepts besides SSH."""

    enabled: bool = True
    ports: list[Port] = []


class Notify(_Model):
    """Where installer and new host report to; a text alone is the URL."""

    url: ReportUrl
    cert: CertificatePin | None = None
    token: Token | None = None


def _url_alone(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class Site(_Model):
    """A whole site file; every key has a default."""

    hostname: Hostname = "edgelinux"
    unattended: bool = False
    disks: Disks = Disks()
    network: Network = Network()
    timezone: TimeZone = "Etc/UTC"
    ntp: list[Host] = []
    locale: Locale = "en_US.UTF-8"
    keyboard: Keyboard = "us"
    root: Root = Root()
    users: list[User] = []
    serial_console: SerialConsole | None = "ttyS0,115200"
    kernel_args: list[Argument] = []
    firewall: Firewall = Firewall()
    notify: Annotated[Notify | None, BeforeValidator(_url_alone)] = None
    pre: Script = ""
    post: Script = ""
    finish: Literal["reboot", "poweroff", "halt"] = "reboot"

    @property
    def has_login(self) -> bool:
        """Whether anybody can log in with what the site file gives."""
        people: tuple[Root | User, ...] = (self.root, *self.users)
        return any(who.password_hash or who.ssh_keys for who in people)


def load_site(path: Path | None) -> Site:
    """Read a site file; None gives the documented default. Raises YamlError, one line for each problem."""
    if path is None:
        return Site()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise YamlError([Problem(str(path), 0, "", "is not UTF-8 text", "save it as UTF-8")]) from error
    except OSError as error:
        raise YamlError(
            [Problem(str(path), 0, "", f"cannot be read: {error.strerror}", "check --site")]
        ) from error
    return parse_site(text, str(path))


def parse_site(text: str, file: str) -> Site:
    """Read the text of a site file; `file` is its name in messages. Raises YamlError."""
    data, lines = read_yaml(text, file)
    if not isinstance(data, dict):
        raise YamlError(
            [Problem(file, 1, "", "is not a mapping", "write `key: value` lines, see site.example.yaml")]
        )
    site, found = check_site(data)
    if site is None:
        raise YamlError(
            [Problem(file, _line(lines, at), dotted(at), message, hint) for at, message, hint in found]
        )
    return site


Found = tuple[Location, str, str]
"""Where something is wrong, what it is, and what to do."""


def check_site(data: dict[Any, Any]) -> tuple[Site | None, list[Found]]:
    """Give the site of a document or a form; None, and all that is wrong with it, if anything is."""
    try:
        site = Site.model_validate(data)
    except ValidationError as error:
        return None, [_found(dict(one)) for one in error.errors()]
    found = list(_contradictions(site))
    return (None if found else site), found


def _contradictions(site: Site) -> Iterator[Found]:
    """Find what is valid by itself and does not fit together."""
    yield from _disks(site.disks)
    yield from _network(site.network)
    names = [user.name for user in site.users]
    for number, name in enumerate(names):
        if name == "root":
            yield ("users", number, "name"), "root is no user to add", "use the key `root`"
        elif name in names[:number]:
            yield ("users", number, "name"), f"the user {name} is given twice", "merge the two"
    if site.notify and site.notify.cert and not site.notify.url.lower().startswith("https:"):
        yield ("notify", "cert"), "only https has a certificate to be checked", "url: https://…"
    if site.unattended and not site.has_login:
        yield (
            ("unattended",),
            "nobody could log in to the installed host",
            "give root or a user a password_hash or ssh_keys",
        )


def _disks(disks: Disks) -> Iterator[Found]:
    if disks.layout == "single" and disks.number > 1:
        yield (
            ("disks", "count"),
            f"layout single has one disk, not {disks.number}",
            "layout: mirror, or count: 1",
        )
    elif disks.layout == "mirror" and disks.number < 2:
        yield (
            ("disks", "count" if disks.count else "select"),
            "a mirror needs two disks or more",
            "one disk alone, which nothing protects, is layout: single",
        )
    elif disks.explicit and len(set(disks.select)) != disks.number:
        yield (
            ("disks", "count" if disks.count else "select"),
            f"{disks.number} disk(s) are asked for, select names {len(set(disks.select))}",
            "make them agree",
        )
    if len(set(disks.select)) != len(disks.select):
        yield ("disks", "select"), "a disk is named twice", "name each disk once"


def _network(network: Network) -> Iterator[Found]:
    if network.bridge is not None and (network.bridge in (network.device, "link") or ":" in network.bridge):
        yield ("network", "bridge"), f"{network.bridge!r} cannot name the bridge", "br0"
    if network.vlan is not None and network.device == "link":
        yield ("network", "vlan"), "a VLAN needs its NIC named", "device: a name or a MAC address"
    if network.bootproto == "dhcp":
        for key in ("address", "gateway"):
            if getattr(network, key) is not None:
                yield ("network", key), f"{key} is given, but bootproto is dhcp", "bootproto: static"
        return
    if network.address is None:
        yield ("network", "bootproto"), "static needs an address", "address: 192.0.2.10/24"
        return
    subnet = ipaddress.IPv4Interface(network.address)
    if network.gateway is None:
        return
    if ipaddress.ip_address(network.gateway) not in subnet.network:
        yield (
            ("network", "gateway"),
            f"{network.gateway} is outside the subnet {subnet.network}",
            "a gateway has an address in the host's subnet",
        )
    elif network.gateway == str(subnet.ip):
        yield ("network", "gateway"), "is the host's own address", "the router's address"


_EXPECTED = {
    "string_type": ("expected text", "put it in quotes"),
    "bool_type": ("expected true or false", ""),
    "int_type": ("expected a whole number", ""),
    "list_type": ("expected a list", "write `[a, b]`, or one `- item` on each line"),
    "model_type": ("expected keys with values", "write `key: value` lines below it"),
    "dict_type": ("expected keys with values", "write `key: value` lines below it"),
    "missing": ("is missing", "add it"),
    "less_than_equal": ("is too much", "a mirror has two, three or four disks"),
    "vlan": ("is not the number of a VLAN", "1 to 4094"),
}


def _found(found: dict[str, Any]) -> Found:
    """Turn one of pydantic's errors into words, with something to do."""
    at: Location = found["loc"]
    context = found.get("ctx", {})
    if found["type"] == "site":
        message, hint = context["message"], context["hint"]
    elif at == ("network", "vlan"):
        message, hint = _EXPECTED["vlan"]
    elif found["type"] == "extra_forbidden":
        message, hint = "unknown key", _suggest(at)
    elif found["type"] == "literal_error":
        message, hint = f"unknown value {found['input']!r}", f"one of: {context['expected']}"
    else:
        message, hint = _EXPECTED.get(found["type"], (found["msg"], ""))
    return at, message, hint


def _suggest(at: Location) -> str:
    model: Any = Site
    for part in at[:-1]:
        if isinstance(part, str):
            model = {
                "disks": Disks,
                "network": Network,
                "root": Root,
                "users": User,
                "firewall": Firewall,
                "notify": Notify,
            }[part]
    close = difflib.get_close_matches(str(at[-1]), model.model_fields, n=1)
    return f"did you mean {close[0]}?" if close else f"the keys here are: {', '.join(model.model_fields)}"


def _line(lines: dict[Location, int], at: Location) -> int:
    """Give the line of a location, or of what it would stand in."""
    while at and at not in lines:
        at = at[:-1]
    return lines.get(at, 0)
