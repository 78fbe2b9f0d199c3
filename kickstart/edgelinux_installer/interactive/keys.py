"""SSH public keys, as typed, pasted or fetched: the same check as in a site file, and their fingerprints."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.sshkeys import fingerprint, kind_of
from pydantic import TypeAdapter, ValidationError

from edgelinux_installer.site.types import SshPublicKey
from edgelinux_installer.web import open_web, trouble

__all__ = ["Key", "fetch_keys", "is_url", "parse_key", "parse_keys"]

_ADAPTER: TypeAdapter[str] = TypeAdapter(SshPublicKey)
_LIMIT = 256 * 1024


@dataclass(frozen=True)
class Key:
    """A public key: its line as it goes into the kickstart, and what people compare."""

    line: str
    kind: str
    fingerprint: str
    comment: str

    def __str__(self) -> str:
        return " ".join(word for word in (self.fingerprint, f"({self.kind})", self.comment) if word)


def parse_key(text: str) -> Key:
    """Read one line of a .pub file. Raises EdgeLinuxError with a site file's words."""
    try:
        line = _ADAPTER.validate_python(text.strip())
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        raise EdgeLinuxError(str(context.get("message", error)), hint=str(context.get("hint", ""))) from None
    algorithm, _, *comment = line.split(maxsplit=2)
    return Key(line, kind_of(algorithm), fingerprint(line), comment[0] if comment else "")


def parse_keys(text: str, where: str) -> tuple[Key, ...]:
    """Read the lines of a file of public keys. Raises EdgeLinuxError when one is none, or there are none."""
    keys: dict[str, Key] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key = parse_key(line)
        except EdgeLinuxError as error:
            raise EdgeLinuxError(f"{where}: line {number}: {error.message}", hint=error.hint) from error
        keys.setdefault(key.fingerprint, key)
    if not keys:
        raise EdgeLinuxError(f"{where} has no SSH public key", hint="check the name in it")
    return tuple(keys.values())


def is_url(text: str) -> bool:
    """Say whether a text is meant as an address to fetch keys from."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*://", text.strip()))


def fetch_keys(url: str) -> tuple[Key, ...]:
    """Fetch public keys from a web server. Raises EdgeLinuxError."""
    url = url.strip()
    if not re.match(r"https?://[^/\s]+", url):
        raise EdgeLinuxError(f"cannot fetch keys from {url}", hint="https://… or http://…")
    try:
        with open_web(url) as answer:
            content = answer.read(_LIMIT + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        found = trouble(error)
        what = "the name in it" if found.status else "the address, and the network"
        raise EdgeLinuxError(f"{url}: {found.reason}", hint=f"check {what}") from error
    if len(content) > _LIMIT:
        raise EdgeLinuxError(f"{url} gave more than {_LIMIT // 1024} KiB", hint="is it a list of keys?")
    return parse_keys(content.decode("utf-8", "replace"), url)
