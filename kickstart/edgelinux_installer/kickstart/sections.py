"""The sections of a kickstart: scripts, packages, and `%addon edgelinux_zfs`.

pykickstart calls a section with the header's line number and then with bare lines; `where` gives the line
that is being read, for the messages.
"""

# mypy: disable-error-code="no-untyped-call"
# (pykickstart has no types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pykickstart.parser import Script
from pykickstart.sections import (
    OnErrorScriptSection,
    PackageSection,
    PostScriptSection,
    PreInstallScriptSection,
    PreScriptSection,
    ScriptSection,
    Section,
    TracebackScriptSection,
)

from edgelinux_installer.kickstart.diskterm import DiskTermError, parse_term
from edgelinux_installer.kickstart.errors import Refused
from edgelinux_installer.kickstart.model import Notice, ZfsAddon
from edgelinux_installer.kickstart.supported import SUPPORTED_SECTIONS, Command

__all__ = ["ADDON", "MOST_DISKS", "AddonSection", "Packages", "check_options", "script_sections"]

ADDON = "edgelinux_zfs"

# More halves cost as much as they protect, and a glob that matches a whole shelf of disks is a mistake.
MOST_DISKS = 4


def check_options(command: str, args: list[str], supported: Command, line: int) -> list[Notice]:
    """Refuse options that are not carried out, abbreviated ones too; give what has no effect."""
    notices = []
    for word in args:
        name = word.partition("=")[0]
        if not name.startswith("--"):
            continue
        option = supported.options.get(name)
        if option is None:
            raise Refused(
                line,
                f"{command} {name} is not supported",
                f"supported options: {supported.supported_options}",
            )
        if option.status == "refused":
            raise Refused(line, f"{command} {name} is not supported", option.note)
        if option.status == "accepted":
            notices.append(Notice(line, f"{command} {name} has no effect: {option.note}"))
    return notices


Tell = Callable[[list[Notice]], None]


def script_sections(handler: Any, tell: Tell) -> list[Any]:
    """Make the sections that hold scripts; options without effect are told."""
    return [
        _checked(kind)(handler, dataObj=Script, tell=tell)
        for kind in (
            PreScriptSection,
            PreInstallScriptSection,
            PostScriptSection,
            OnErrorScriptSection,
            TracebackScriptSection,
        )
    ]


def _checked(kind: Any) -> Any:
    class Checked(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, tell: Tell, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._tell = tell

        def handleHeader(self, lineno: int, args: list[str]) -> None:
            name = self.sectionOpen
            self._tell(check_options(name, args[1:], SUPPORTED_SECTIONS[name], lineno))
            if name == "%traceback":
                self._tell([Notice(lineno, "RHEL 10 deprecates %traceback: use %onerror")])
            # Past %traceback's own, which warns of being deprecated.
            ScriptSection.handleHeader(self, lineno, args)

    return Checked


class Packages(PackageSection):
    """%packages: what the image must have. `line` is where the first such section began."""

    line = 0

    def __init__(self, handler: Any, tell: Tell) -> None:
        super().__init__(handler)
        self._tell = tell

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        """Check the options, then let pykickstart read them."""
        self._tell(check_options("%packages", args[1:], SUPPORTED_SECTIONS["%packages"], lineno))
        self.line = self.line or lineno
        super().handleHeader(lineno, args)


class AddonSection(Section):
    """%addon: `edgelinux_zfs` is read, any other is refused. The result is in `addon`."""

    sectionOpen = "%addon"

    def __init__(self, handler: Any, where: Callable[[], int], name: Callable[[int, int], str]) -> None:
        super().__init__(handler)
        self._where = where
        self._name = name
        self._values: dict[str, str] = {}
        self._line = 0
        self.addon: ZfsAddon | None = None

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        """Accept the one name, once, without options."""
        super().handleHeader(lineno, args)
        name = args[1] if len(args) > 1 else ""
        if name != ADDON:
            raise Refused(lineno, f"%addon {name} is not supported", f"supported is: {ADDON}")
        if len(args) > 2:
            raise Refused(lineno, f"%addon {ADDON} takes no options: {' '.join(args[2:])}")
        if self._line:
            raise Refused(lineno, f"%addon {ADDON} is given twice, first on {self._name(self._line, lineno)}")
        self._line = lineno

    def handleLine(self, line: str) -> None:
        """Read one `key = value`."""
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            self._refuse(f"expected `key = value`, found {line.strip()!r}")
        if key not in ("pool", "layout", "disks", "select"):
            self._refuse(f"unknown key {key!r}", "the keys are: pool, layout, disks, select")
        if key in self._values:
            self._refuse(f"{key} is given twice")
        self._values[key] = value
        if key == "pool" and value != "antlets":
            self._refuse(f"pool = {value} is not supported", "the pool is called antlets")
        if key == "layout" and value not in ("mirror", "single"):
            self._refuse(f"layout = {value} is not known", "it is mirror or single")
        if key == "disks" and not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_DISKS):
            self._refuse(
                f"disks = {value} is not a number from 1 to {MOST_DISKS}",
                "a mirror has two, three or four disks",
            )
        if key == "select":
            for term in value.split(","):
                self._check_term(term.strip())

    def _check_term(self, term: str) -> None:
        if not term:
            self._refuse("select is a comma-separated list of disks")
        try:
            parse_term(term)
        except DiskTermError as error:
            self._refuse(f"select = {term}: {error}", error.hint)

    def finalize(self) -> None:
        """Build the add-on once %end is read, and refuse what contradicts itself."""
        layout = "single" if self._values.get("layout") == "single" else "mirror"
        disks = int(self._values.get("disks", "0"))
        if layout == "single" and disks > 1:
            self._refuse(f"layout = single has one disk, disks = {disks}")
        if layout == "mirror" and disks == 1:
            self._refuse("layout = mirror needs two disks or more", "one disk alone is layout = single")
        select = self._values.get("select", "")
        self.addon = ZfsAddon(
            layout="single" if layout == "single" else "mirror",
            disks=disks,
            select=tuple(part.strip() for part in select.split(",")) if select else (),
            line=self._line,
        )

    def _refuse(self, message: str, hint: str = "") -> None:
        raise Refused(self._where(), message, hint)
