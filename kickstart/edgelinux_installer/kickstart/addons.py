"""`%addon edgelinux_zfs` and `%addon edgelinux_notify`: sections of `key = value` lines.

pykickstart calls a section with the header's line number and then with bare lines; `where` gives the line
that is being read, for the messages.
"""

# mypy: disable-error-code="no-untyped-call"
# (pykickstart has no types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.pinned import check_url, parse_pin
from edgelinux_hostd.report.target import Target
from pykickstart.sections import Section

from edgelinux_installer.kickstart.diskterm import DiskTermError, parse_term
from edgelinux_installer.kickstart.errors import Refused
from edgelinux_installer.kickstart.model import ZfsAddon

__all__ = ["MOST_DISKS", "NAMES", "AddonSection"]

# More halves cost as much as they protect, and a glob that matches a whole shelf of disks is a mistake.
MOST_DISKS = 4


class _Wrong(Exception):
    """What is wrong with the line that is being read, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _Addon(Protocol):
    keys: ClassVar[tuple[str, ...]]

    def check(self, key: str, value: str) -> None:
        """Refuse a value."""

    def build(self, values: dict[str, str], line: int) -> Any:
        """Make what was read once %end is there; refuse what contradicts itself."""


class _Zfs:
    keys: ClassVar[tuple[str, ...]] = ("pool", "layout", "disks", "select")

    def check(self, key: str, value: str) -> None:
        if key == "pool" and value != "antlets":
            raise _Wrong(f"pool = {value} is not supported", "the pool is called antlets")
        if key == "layout" and value not in ("mirror", "single"):
            raise _Wrong(f"layout = {value} is not known", "it is mirror or single")
        if key == "disks" and not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_DISKS):
            raise _Wrong(
                f"disks = {value} is not a number from 1 to {MOST_DISKS}",
                "a mirror has two, three or four disks",
            )
        if key == "select":
            for term in value.split(","):
                self._check_term(term.strip())

    def _check_term(self, term: str) -> None:
        if not term:
            raise _Wrong("select is a comma-separated list of disks")
        try:
            parse_term(term)
        except DiskTermError as error:
            raise _Wrong(f"select = {term}: {error}", error.hint) from error

    def build(self, values: dict[str, str], line: int) -> ZfsAddon:
        layout = "single" if values.get("layout") == "single" else "mirror"
        disks = int(values.get("disks", "0"))
        if layout == "single" and disks > 1:
            raise _Wrong(f"layout = single has one disk, disks = {disks}")
        if layout == "mirror" and disks == 1:
            raise _Wrong("layout = mirror needs two disks or more", "one disk alone is layout = single")
        select = values.get("select", "")
        return ZfsAddon(
            layout="single" if layout == "single" else "mirror",
            disks=disks,
            select=tuple(part.strip() for part in select.split(",")) if select else (),
            line=line,
        )


class _Notify:
    keys: ClassVar[tuple[str, ...]] = ("url", "cert", "token")

    def check(self, key: str, value: str) -> None:
        if not value:
            raise _Wrong(f"{key} is empty", "leave the line out")
        try:
            if key == "url":
                check_url(value)
            elif key == "cert":
                parse_pin(value)
            else:
                Target.of("http://localhost", token=value)
        except EdgeLinuxError as error:
            raise _Wrong(f"{key}: {error.message}", error.hint) from error

    def build(self, values: dict[str, str], line: int) -> Target:
        if "url" not in values:
            raise _Wrong("%addon edgelinux_notify has no url", "url = https://server/report")
        try:
            return Target.of(values["url"], values.get("cert", ""), values.get("token", ""))
        except EdgeLinuxError as error:
            raise _Wrong(error.message, error.hint) from error


_KINDS: dict[str, _Addon] = {"edgelinux_zfs": _Zfs(), "edgelinux_notify": _Notify()}
NAMES = tuple(_KINDS)


class AddonSection(Section):
    """%addon: those named in NAMES are read, any other is refused. The results are `zfs` and `notify`."""

    sectionOpen = "%addon"

    def __init__(self, handler: Any, where: Callable[[], int], name: Callable[[int, int], str]) -> None:
        super().__init__(handler)
        self._where = where
        self._name = name
        self._values: dict[str, str] = {}
        self._kind = ""
        self._lines: dict[str, int] = {}
        self._read: dict[str, Any] = {}

    @property
    def zfs(self) -> ZfsAddon | None:
        """What `%addon edgelinux_zfs` says, if it is there."""
        return self._read.get("edgelinux_zfs")

    @property
    def notify(self) -> Target | None:
        """Where `%addon edgelinux_notify` has reports sent, if it is there."""
        return self._read.get("edgelinux_notify")

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        """Accept the known names, once each, without options."""
        super().handleHeader(lineno, args)
        name = args[1] if len(args) > 1 else ""
        if name not in _KINDS:
            raise Refused(lineno, f"%addon {name} is not supported", f"supported are: {', '.join(NAMES)}")
        if len(args) > 2:
            raise Refused(lineno, f"%addon {name} takes no options: {' '.join(args[2:])}")
        if name in self._lines:
            first = self._name(self._lines[name], lineno)
            raise Refused(lineno, f"%addon {name} is given twice, first on {first}")
        self._kind, self._values = name, {}
        self._lines[name] = lineno

    def handleLine(self, line: str) -> None:
        """Read one `key = value`."""
        kind = _KINDS[self._kind]
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            # The line may be a token that lost its name.
            found = "" if self._kind == "edgelinux_notify" else f", found {line.strip()!r}"
            self._refuse(f"expected `key = value`{found}")
        if key not in kind.keys:
            self._refuse(f"unknown key {key!r}", f"the keys are: {', '.join(kind.keys)}")
        if key in self._values:
            self._refuse(f"{key} is given twice")
        self._values[key] = value
        try:
            kind.check(key, value)
        except _Wrong as wrong:
            self._refuse(wrong.message, wrong.hint)

    def finalize(self) -> None:
        """Build the add-on once %end is read, and refuse what contradicts itself."""
        try:
            self._read[self._kind] = _KINDS[self._kind].build(self._values, self._lines[self._kind])
        except _Wrong as wrong:
            self._refuse(wrong.message, wrong.hint)

    def _refuse(self, message: str, hint: str = "") -> None:
        raise Refused(self._where(), message, hint)
