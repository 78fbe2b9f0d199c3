"""`%include` and `%ksappend`: one text out of several files, in which each line knows where it came from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urljoin

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.kickstart.errors import KickstartError

__all__ = ["Expanded", "Fetch", "Origin", "expand"]

# Gives the text at a path, file:/, cdrom:/ or http(s) URL; raises EdgeLinuxError.
Fetch = Callable[[str], str]

_DEPTH = 8
_LIMIT = 4 * 1024**2
# Where %pre scripts leave what they want to be included.
_LATER = ("/tmp/", "/run/", "/var/tmp/")  # noqa: S108  (nothing is written there)
_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Origin:
    """Where a line stood."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Expanded:
    """The whole text. `origins` has one entry for each of its lines.

    `later` are inclusions left to the %pre scripts, each with its line in the text.
    """

    file: str
    text: str = ""
    origins: list[Origin] = field(default_factory=list)
    later: list[tuple[int, str]] = field(default_factory=list)

    def where(self, line: int) -> Origin:
        """Give the origin of a line of the text, counted from 1; line 0 is the kickstart as a whole."""
        return self.origins[line - 1] if 0 < line <= len(self.origins) else Origin(self.file, line)

    def name(self, line: int, seen_from: int) -> str:
        """Write a line for a message about another one: `line 3`, or `line 3 of common.ks`."""
        origin = self.where(line)
        elsewhere = origin.file != self.where(seen_from).file
        return f"line {origin.line}" + (f" of {origin.file}" if elsewhere else "")

    def error(self, line: int, message: str, hint: str = "") -> KickstartError:
        """Make an error about a line of the text."""
        origin = self.where(line)
        return KickstartError(origin.file, origin.line, message, hint=hint)


def expand(text: str, file: str, fetch: Fetch, *, after_pre: bool = False) -> Expanded:
    """Give the text with everything that it includes. Raises KickstartError.

    Before the %pre scripts have run, a file below /tmp or /run is theirs to write: if there is a %pre, such a
    file is not read even if it exists, since it would be an old one.
    """
    found = _Expander(file, fetch, leave=not after_pre).run(text)
    if found.later and not any(line.split()[:1] == ["%pre"] for line in found.text.splitlines()):
        found = _Expander(file, fetch, leave=False).run(text)
    return found


class _Expander:
    def __init__(self, file: str, fetch: Fetch, *, leave: bool) -> None:
        self.result = Expanded(file)
        self.fetch = fetch
        self.leave = leave
        self.parts: list[str] = []
        self.size = 0

    def run(self, text: str) -> Expanded:
        self.add(text, self.result.file, ())
        self.result.text = "".join(self.parts)
        return self.result

    def add(self, text: str, file: str, above: tuple[str, ...]) -> None:
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            origin = Origin(file, number)
            word = (line.split() or [""])[0]
            if word not in ("%include", "%ksappend"):
                self.keep(line, origin)
                continue
            where = self.target(line, word, origin)
            if self.leave and word == "%include" and where.startswith(_LATER):
                self.keep("\n", origin)
                self.result.later.append((len(self.result.origins), where))
                continue
            self.add(self.read(where, word, origin, (*above, file)), where, (*above, file))

    def keep(self, line: str, origin: Origin) -> None:
        self.size += len(line)
        if self.size > _LIMIT:
            raise _error(origin, f"with its inclusions the kickstart is larger than {_LIMIT // 1024**2} MiB")
        # The last line of an included file may lack its end.
        self.parts.append(line if line.splitlines() != [line] else f"{line}\n")
        self.result.origins.append(origin)

    def target(self, line: str, word: str, origin: Origin) -> str:
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise _error(origin, f"this line cannot be read: {error}") from error
        if len(words) != 2 or not words[1]:
            raise _error(origin, f"{word} takes one file or URL", f"{word} http://server/common.ks")
        return _resolve(words[1], origin.file)

    def read(self, where: str, word: str, origin: Origin, above: tuple[str, ...]) -> str:
        if where in above:
            raise _error(origin, f"{word} {where} includes itself", "take this line out")
        if len(above) > _DEPTH:
            raise _error(origin, f"{word} {where}: inclusions are nested more than {_DEPTH} deep")
        try:
            return self.fetch(where)
        except EdgeLinuxError as error:
            raise _error(origin, f"{word} {where}: {error.message}") from error


def _resolve(target: str, file: str) -> str:
    """Give the place of an included file; a relative path begins where the including file lies."""
    if target.startswith("/") or re.match(r"[a-z]+:", target, re.IGNORECASE):
        return target.removeprefix("file://") if target.startswith("file:///") else target
    if _URL.match(file):
        return urljoin(file, target)
    scheme, colon, path = file.rpartition(":")
    return f"{scheme}{colon}{PurePosixPath(path).parent / target}"


def _error(origin: Origin, message: str, hint: str = "") -> KickstartError:
    return KickstartError(origin.file, origin.line, message, hint=hint)
