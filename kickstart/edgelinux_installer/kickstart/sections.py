"""The sections of a kickstart that every kickstart may have: scripts and packages.

Add-ons are in `addons`.
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
    TracebackScriptSection,
)

from edgelinux_installer.kickstart.errors import Refused
from edgelinux_installer.kickstart.model import Notice
from edgelinux_installer.kickstart.supported import SUPPORTED_SECTIONS, Command

__all__ = ["Packages", "check_options", "script_sections"]


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
