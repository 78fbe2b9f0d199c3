"""The kinds of text that a site file holds, each with a check that says what is expected."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.pinned import check_url, parse_pin
from edgelinux_hostd.report.target import Target
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from edgelinux_installer.kickstart import RESERVED_ARGUMENTS
from edgelinux_installer.kickstart.diskterm import DiskTermError, parse_term

__all__ = [
    "Account",
    "Address",
    "Argument",
    "CertificatePin",
    "Device",
    "DiskSelection",
    "Host",
    "Hostname",
    "Interface",
    "Keyboard",
    "Locale",
    "PasswordHash",
    "Port",
    "ReportUrl",
    "Script",
    "SerialConsole",
    "SshPublicKey",
    "TimeZone",
    "Token",
]

_KEY_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SECTION_LINE = re.compile(
    r"\s*%(end|include|ksappend|pre|post|packages|addon|onerror|traceback|anaconda|certificate)\b"
)


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """Make the error that validators raise: what is wrong, and what to do."""
    return PydanticCustomError("site", "{message}", {"message": message, "hint": hint})


def _matching(pattern: str, what: str, hint: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise wrong(f"{value!r} is not {what}", hint)
        return value

    return check


def _hash(value: str) -> str:
    # crypt(5). MD5 and DES hashes are refused with everything else: they are guessed in no time.
    if not re.fullmatch(r"\$(5|6|7|y|gy|2[aby])\$[./0-9A-Za-z$=,]{20,}", value):
        # The value may be a password in plain text, so the message must not repeat it.
        raise wrong("this is not a password hash", "put the output of `openssl passwd -6` here, in quotes")
    return value


def _ssh_key(value: str) -> str:
    words = value.strip().split(maxsplit=2)
    hint = "put the one line of a .pub file here, such as ~/.ssh/id_ed25519.pub"
    if "PRIVATE KEY" in value:
        raise wrong("this is a private key, which must stay secret", hint)
    if not value.isprintable():
        raise wrong("this is not one line of text", hint)
    if len(words) < 2 or words[0] not in _KEY_TYPES:
        raise wrong("this is not an SSH public key", hint)
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        raise wrong("the SSH public key is damaged (not base64)", hint) from None
    # RFC 4253, section 6.6: the blob begins with the length and the name of the type.
    if blob[:4] != len(words[0]).to_bytes(4, "big") or blob[4 : 4 + len(words[0])] != words[0].encode():
        raise wrong(f"the SSH public key is damaged (it does not hold an {words[0]} key)", hint)
    return " ".join(words)


def _time_zone(value: str) -> str:
    known = zoneinfo.available_timezones()
    # Without a time zone database on the build host only the form can be checked; the installer checks again.
    if (known and value not in known) or not re.fullmatch(r"[A-Za-z0-9_+/-]+", value):
        raise wrong(f"{value!r} is not a time zone", "as in /usr/share/zoneinfo: Europe/Berlin, Etc/UTC")
    return value


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return _hostname(value)
    return value


def _hostname(value: str) -> str:
    if len(value) > 64 or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", value):
        raise wrong(f"{value!r} is not a host name", "letters, digits, - and dots, at most 64 characters")
    return value


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise wrong(f"{value!r} is not an IP address", "192.0.2.1") from None


def _interface(value: str) -> str:
    try:
        address = ipaddress.IPv4Interface(value)
    except ValueError:
        raise wrong(f"{value!r} is not an IPv4 address with its prefix", "192.0.2.10/24") from None
    if "/" not in value or address.network.prefixlen > 30:
        raise wrong(f"{value!r} lacks the prefix of its subnet", f"{address.ip}/24")
    if address.ip in (address.network.network_address, address.network.broadcast_address):
        raise wrong(
            f"{address.ip} is the network or broadcast address of {address.network}", "another address"
        )
    return str(address)


def _port(value: str) -> str:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?/(tcp|udp)", value)
    if not match or not 0 < int(match[1]) <= int(match[2] or match[1]) < 65536:
        raise wrong(f"{value!r} is not a port", "8006/tcp, 5900-5999/tcp or 53/udp")
    return value


def _disk_selection(value: str) -> str:
    hint = "a path or glob below /dev, serial:ABC*, model:ABC*, or size>=400GB"
    # In the kickstart a comma parts two of them.
    if "," in value or not value.isprintable() or value != value.strip():
        raise wrong(f"{value!r} is not a disk", hint)
    try:
        term = parse_term(value)
    except DiskTermError as error:
        raise wrong(f"{value!r}: {error}", error.hint) from None
    if term.kind == "path" and not re.fullmatch(r"/dev/[A-Za-z0-9._:/@+=*?!\[\]-]+", value):
        raise wrong(f"{value!r} is not a disk", hint)
    return value


def _ours(check: Callable[[str], object]) -> Callable[[str], str]:
    """Use a check of ours; the message must not repeat a value that may be a secret."""

    def checked(value: str) -> str:
        try:
            check(value)
        except EdgeLinuxError as error:
            raise wrong(error.message, error.hint) from None
        return value

    return checked


def _not_ours(value: str) -> str:
    if value.partition("=")[0] in RESERVED_ARGUMENTS:
        raise wrong(f"{value} is set by the installer", "leave it out")
    return value


def _script(value: str) -> str:
    for line in value.splitlines():
        if _SECTION_LINE.match(line):
            raise wrong(
                f"the script has a line {line.strip()!r}, which kickstart would take for its own", "quote it"
            )
    if "\0" in value:
        raise wrong("the script holds a null character", "remove it")
    return value


_ACCOUNT = _matching(
    r"[a-z_][a-z0-9_-]{0,31}", "an account name", "lower-case letters, digits, - and _, at most 32"
)

Account = Annotated[str, AfterValidator(_ACCOUNT)]
Address = Annotated[str, AfterValidator(_address)]
Argument = Annotated[
    str,
    AfterValidator(
        _matching(r"[A-Za-z0-9_.,:=/@%+*!?~^\[\]-]+", "a kernel argument", "one word: mitigations=off")
    ),
    AfterValidator(_not_ours),
]
Device = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9_.-]{1,15}|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
            "a network device",
            "`link` (the first one with a carrier), a name or a MAC address",
        )
    ),
]
DiskSelection = Annotated[str, AfterValidator(_disk_selection)]
Host = Annotated[str, AfterValidator(_host)]
Hostname = Annotated[str, AfterValidator(_hostname)]
Interface = Annotated[str, AfterValidator(_interface)]
Keyboard = Annotated[
    str, AfterValidator(_matching(r"[a-z][a-z0-9_-]*", "a keyboard layout", "us, de, fr or another"))
]
Locale = Annotated[
    str,
    AfterValidator(
        _matching(r"C\.UTF-8|[a-z]{2,3}_[A-Z]{2}\.UTF-8(@[a-z]+)?", "a UTF-8 locale", "en_US.UTF-8")
    ),
]
PasswordHash = Annotated[str, AfterValidator(_hash)]
Port = Annotated[str, AfterValidator(_port)]
ReportUrl = Annotated[str, AfterValidator(_ours(check_url))]
CertificatePin = Annotated[str, AfterValidator(_ours(parse_pin))]
Token = Annotated[str, AfterValidator(_ours(lambda value: Target.of("http://localhost", token=value)))]
Script = Annotated[str, AfterValidator(_script)]
SerialConsole = Annotated[
    str,
    AfterValidator(
        _matching(
            r"tty[A-Z]{1,4}\d{1,3}(,\d{3,7}([noe]\d?r?)?)?",
            "a serial console",
            "ttyS0,115200, or null for none",
        )
    ),
]
SshPublicKey = Annotated[str, AfterValidator(_ssh_key)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
