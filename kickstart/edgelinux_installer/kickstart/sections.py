"""The sections of a kickstart: scripts, packages, and `%addon edgelinux_zfs`.

pykickstart calls a section with the header's line number and then with bare lines; `where` gives the line
that is being read, for the messages.
"""

# mypy: disable-error-code="no-untyped-call"
# (pykickstart has no types.)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pykickstart.sections import PackageSection, PostScriptSection, PreScriptSection, Section

from edgelinux_installer.kickstart.errors import Refused
from edgelinux_installer.kickstart.model import ZfsAddon
from edgelinux_installer.kickstart.supported import SUPPORTED_SECTIONS, Command

__all__ = ["ADDON", "AddonSection", "Packages", "Post", "Pre", "Read", "check_options"]

ADDON = "edgelinux_zfs"


@dataclass(frozen=True)
class Read:
    """What the sections held that pykickstart's handler has no place for."""

    addon: ZfsAddon | None
    packages_line: int


def check_options(command: str, args: list[str], supported: Command, line: int) -> None:
    """Refuse options that are not carried out; abbreviated ones too, since they are not in the table."""
    for word in args:
        option = word.partition("=")[0]
        if not option.startswith("--") or option in supported.options:
            continue
        if option in supported.instead:
            raise Refused(line, f"{command} {option} is not supported", supported.instead[option])
        known = ", ".join(sorted(supported.options)) or "none"
        raise Refused(line, f"{command} {option} is not supported", f"supported options: {known}")


class Pre(PreScriptSection):
    """%pre: a script in the live system, before disks are chosen."""

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        """Check the options, then let pykickstart read them."""
        check_options("%pre", args[1:], SUPPORTED_SECTIONS["%pre"], lineno)
        super().handleHeader(lineno, args)


class Post(PostScriptSection):
    """%post: a script in the installed system, or with --nochroot in the live one."""

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        """Check the options, then let pykickstart read them."""
        check_options("%post", args[1:], SUPPORTED_SECTIONS["%post"], lineno)
        super().handleHeader(lineno, args)


class Packages(PackageSection):
    """%packages: what the image must have. `line` is where the section began."""

    line = 0

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        """Check the options, then let pykickstart read them."""
        check_options("%packages", args[1:], SUPPORTED_SECTIONS["%packages"], lineno)
        self.line = lineno
        super().handleHeader(lineno, args)


class AddonSection(Section):
    """%addon: `edgelinux_zfs` is read, any other is refused. The result is in `addon`."""

    sectionOpen = "%addon"

    def __init__(self, handler: Any, where: Callable[[], int]) -> None:
        super().__init__(handler)
        self._where = where
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
            raise Refused(lineno, f"%addon {ADDON} is given twice, first on line {self._line}")
        self._line = lineno

    def handleLine(self, line: str) -> None:
        """Read one `key = value`."""
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            self._refuse(f"expected `key = value`, found {line.strip()!r}")
        if key not in ("pool", "layout", "disks", "select"):
            self._refuse(f"unknown key {key!r}; the keys are: pool, layout, disks, select")
        if key in self._values:
            self._refuse(f"{key} is given twice")
        self._values[key] = value
        if key == "pool" and value != "antlets":
            self._refuse(f"pool = {value} is not supported; the pool is called antlets")
        if key == "layout" and value not in ("mirror", "single"):
            self._refuse(f"layout = {value} is not known; it is mirror or single")
        if key == "disks" and not (value.isascii() and value.isdigit() and 1 <= int(value) <= 16):
            self._refuse(f"disks = {value} is not a number from 1 to 16")
        if key == "select" and not all(part.strip() for part in value.split(",")):
            self._refuse("select is a comma-separated list of disks")

    def finalize(self) -> None:
        """Build the add-on once %end is read, and refuse what contradicts itself."""
        layout = "single" if self._values.get("layout") == "single" else "mirror"
        disks = int(self._values.get("disks", "0"))
        if layout == "single" and disks > 1:
            self._refuse(f"layout = single has one disk, disks = {disks}")
        if layout == "mirror" and disks == 1:
            self._refuse("layout = mirror needs two disks or more; one disk alone is layout = single")
        select = self._values.get("select", "")
        self.addon = ZfsAddon(
            layout="single" if layout == "single" else "mirror",
            disks=disks,
            select=tuple(part.strip() for part in select.split(",")) if select else (),
            line=self._line,
        )

    def _refuse(self, message: str) -> None:
        text, _, hint = message.partition("; ")
        raise Refused(self._where(), text, hint)
