"""The package sources of the build host's apt, in both formats that sources.list(5) describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Source", "host_sources", "parse_deb822", "parse_one_line", "uris"]

_ETC = Path("/etc/apt")


@dataclass(frozen=True)
class Source:
    """One archive with one suite."""

    uri: str
    suite: str
    components: tuple[str, ...]


def parse_one_line(text: str) -> tuple[Source, ...]:
    """Parse the one-line format; lines that are no `deb` lines are left out."""
    return tuple(_one_lines(text))


def _one_lines(text: str) -> Iterator[Source]:
    for raw in text.splitlines():
        line = re.sub(r"\[[^]]*\]", "", raw.split("#", 1)[0])
        words = line.split()
        if len(words) >= 3 and words[0] == "deb":
            yield Source(words[1].rstrip("/"), words[2], tuple(words[3:]))


def parse_deb822(text: str) -> tuple[Source, ...]:
    """Parse the deb822 format; stanzas that are disabled or hold sources only are left out."""
    return tuple(source for stanza in _stanzas(text) for source in _expand(stanza))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    stanza: dict[str, str] = {}
    field = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza, field = {}, ""
        elif line[0] in " \t":
            if field:
                stanza[field] += f" {line.strip()}"
        elif ":" in line:
            field, value = (part.strip() for part in line.split(":", 1))
            field = field.lower()
            stanza[field] = value


def _expand(stanza: dict[str, str]) -> Iterator[Source]:
    enabled = stanza.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "disable", "without")
    if not enabled or "deb" not in stanza.get("types", "").split():
        return
    for uri in stanza.get("uris", "").split():
        for suite in stanza.get("suites", "").split():
            yield Source(uri.rstrip("/"), suite, tuple(stanza.get("components", "").split()))


def host_sources(etc: Path = _ETC) -> tuple[Source, ...]:
    """Read what apt on this host reads, in its order; a host without apt has none."""
    found: list[Source] = []
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += parse_deb822(text) if path.suffix == ".sources" else parse_one_line(text)
    return tuple(found)


def uris(sources: tuple[Source, ...]) -> tuple[str, ...]:
    """Return the http and https URIs, each once, in order."""
    found = (source.uri for source in sources)
    return tuple(dict.fromkeys(uri for uri in found if uri.startswith(("http://", "https://"))))
