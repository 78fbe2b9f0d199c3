"""Reads a kickstart with pykickstart's RHEL 10 syntax, strictly: what is not carried out is an error."""

# mypy: disable-error-code="no-untyped-call"
# (pykickstart has no types.)

from __future__ import annotations

import warnings
from typing import Any

from pykickstart.commands.network import RHEL10_Network
from pykickstart.commands.sshkey import F22_SshKey
from pykickstart.errors import KickstartError as PykickstartError
from pykickstart.errors import KickstartParseWarning
from pykickstart.handlers.rhel10 import RHEL10Handler
from pykickstart.parser import KickstartParser, PutBackIterator, Script

from edgelinux_installer.kickstart import sections
from edgelinux_installer.kickstart.convert import convert
from edgelinux_installer.kickstart.errors import KickstartError, Refused
from edgelinux_installer.kickstart.model import Kickstart
from edgelinux_installer.kickstart.supported import SUPPORTED, SUPPORTED_SECTIONS, nearest

__all__ = ["read_kickstart"]


def read_kickstart(text: str, file: str) -> Kickstart:
    """Read a kickstart; `file` is its name in messages. Raises KickstartError, whatever the text is."""
    parser = _Parser()
    try:
        with warnings.catch_warnings():
            # A warning tells of something that pykickstart ignores; nothing may be ignored here.
            warnings.simplefilter("error", KickstartParseWarning)
            parser.refuse_inclusion(text)
            parser.readKickstartFromString(text)
            return convert(parser.handler, parser.sections_read(), file)
    except KickstartError:
        raise
    except Refused as error:
        raise KickstartError(file, error.line, error.message, hint=error.hint) from error
    except PykickstartError as error:
        line = parser.line if error.lineno is None else error.lineno
        raise KickstartError(file, line, str(error.message or "this cannot be read")) from error
    except KickstartParseWarning as error:
        raise KickstartError(file, parser.line, str(error)) from error
    except Exception as error:
        # pykickstart lets ValueError, IndexError and others through on odd lines, without saying where.
        raise KickstartError(file, parser.line, f"this line cannot be read: {error}") from error


class _Repeatable:
    """Several keys for one user, or a line with the host name only, are normal; pykickstart warns."""

    def parse(self, args: list[str]) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", KickstartParseWarning)
            return super().parse(args)  # type: ignore[misc]


class _SshKey(_Repeatable, F22_SshKey):
    pass


class _Network(_Repeatable, RHEL10_Network):
    pass


class _Lines(PutBackIterator):
    """pykickstart's line iterator, counting, because some of its errors come without a line number."""

    line = 0

    def put(self, s: str) -> None:
        self.line -= 1
        super().put(s)

    def next(self) -> Any:
        self.line += 1
        return super().next()


class _Parser(KickstartParser):
    """KickstartParser that knows only what is supported, each single command once."""

    def __init__(self) -> None:
        commands = {name: RHEL10Handler.commandMap[name] for name in SUPPORTED}
        commands |= {"network": _Network, "sshkey": _SshKey}
        self.lines: _Lines | None = None
        self.first: dict[int, int] = {}
        # With its own maps pykickstart would import the handlers of all releases, slow on small machines.
        super().__init__(RHEL10Handler(mapping=commands, dataMapping=RHEL10Handler.dataMap))

    @property
    def line(self) -> int:
        return self.lines.line if self.lines else 0

    def setupSections(self) -> None:
        self._sections: dict[str, Any] = {}
        self.packages = sections.Packages(self.handler)
        self.addon = sections.AddonSection(self.handler, lambda: self.line)
        self.registerSection(sections.Pre(self.handler, dataObj=Script))
        self.registerSection(sections.Post(self.handler, dataObj=Script))
        self.registerSection(self.packages)
        self.registerSection(self.addon)

    def sections_read(self) -> sections.Read:
        return sections.Read(addon=self.addon.addon, packages_line=self.packages.line)

    def readKickstartFromString(self, s: str, reset: bool = True) -> None:
        self.lines = _Lines([*s.splitlines(keepends=True), ""])
        if reset:
            self._reset()
        self._stateMachine(self.lines)

    def refuse_inclusion(self, text: str) -> None:
        """Refuse what would draw in other files, and unknown sections with the list of known ones."""
        section = ""
        for number, line in enumerate(text.splitlines(), start=1):
            word = (line.split() or [""])[0]
            if word == "%include" or (word == "%ksappend" and not section):
                raise Refused(number, f"{word} is not supported", "write the included lines here")
            if not section and word.startswith("%") and word not in SUPPORTED_SECTIONS:
                known = ", ".join(sorted(SUPPORTED_SECTIONS))
                raise Refused(number, f"unknown section {word}", f"supported sections: {known}")
            if word == "%end":
                section = ""
            elif word in SUPPORTED_SECTIONS:
                section = word

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        name = args[0]
        if name not in SUPPORTED:
            known = "is not supported" if name in RHEL10Handler.commandMap else "is not a kickstart command"
            raise Refused(lineno, f"{name} {known}", nearest(name))
        sections.check_options(name, args[1:], SUPPORTED[name], lineno)
        if not SUPPORTED[name].repeats:
            # Aliases (reboot and poweroff) share one object, and contradict each other.
            command = id(self.handler.commands[name])
            if command in self.first:
                raise Refused(
                    lineno, f"{name} repeats or contradicts line {self.first[command]}", "keep one of them"
                )
            self.first[command] = lineno
        return super().handleCommand(lineno, args)
