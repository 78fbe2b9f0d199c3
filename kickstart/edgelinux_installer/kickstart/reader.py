"""Reads a kickstart with pykickstart's RHEL 10 syntax, strictly: what is not carried out is an error."""

# mypy: disable-error-code="no-untyped-call"
# (pykickstart has no types.)

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from pykickstart.commands.network import RHEL10_Network
from pykickstart.commands.sshkey import F22_SshKey
from pykickstart.errors import KickstartError as PykickstartError
from pykickstart.errors import KickstartParseWarning
from pykickstart.handlers.rhel10 import RHEL10Handler
from pykickstart.parser import KickstartParser, PutBackIterator

from edgelinux_installer.kickstart import sections
from edgelinux_installer.kickstart.addons import AddonSection
from edgelinux_installer.kickstart.convert import Read, convert
from edgelinux_installer.kickstart.errors import KickstartError, Refused
from edgelinux_installer.kickstart.include import Expanded, Fetch, expand
from edgelinux_installer.kickstart.model import Kickstart, Notice
from edgelinux_installer.kickstart.supported import (
    COMMANDS,
    SECTIONS,
    SUPPORTED,
    SUPPORTED_SECTIONS,
    nearest,
)
from edgelinux_installer.source import MEDIUM, fetch

__all__ = ["read_kickstart"]

# What is included now, or not at all: only the kickstart itself is worth waiting for a network.
_FETCH: Fetch = partial(fetch, medium=MEDIUM, patience=0.0)


def read_kickstart(text: str, file: str, *, get: Fetch = _FETCH, after_pre: bool = False) -> Kickstart:
    """Read a kickstart; `file` is its name in messages. Raises KickstartError, whatever the text is.

    `get` fetches what is included. `after_pre`: the %pre scripts have run, so whatever they were to write is
    there; before, an inclusion below /tmp or /run is left out and noted.
    """
    source = expand(text, file, get, after_pre=after_pre)
    parser = _Parser(source)
    try:
        with warnings.catch_warnings():
            # A warning tells of something that pykickstart ignores; nothing may be ignored here.
            warnings.simplefilter("error", KickstartParseWarning)
            parser.check_sections()
            parser.readKickstartFromString(source.text)
            return convert(parser.handler, parser.read(), source)
    except KickstartError:
        raise
    except Refused as error:
        raise source.error(error.line, error.message, error.hint) from error
    except PykickstartError as error:
        line = parser.line if error.lineno is None else error.lineno
        raise source.error(line, str(error.message or "this cannot be read")) from error
    except KickstartParseWarning as error:
        raise source.error(parser.line, str(error)) from error
    except Exception as error:
        # pykickstart lets ValueError, IndexError and others through on odd lines, without saying where.
        raise source.error(parser.line, f"this line cannot be read: {error}") from error


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

    def __init__(self, source: Expanded) -> None:
        commands = {name: RHEL10Handler.commandMap[name] for name in SUPPORTED}
        commands |= {"network": _Network, "sshkey": _SshKey}
        self.source = source
        self.lines: _Lines | None = None
        self.first: dict[int, int] = {}
        self.notices = [
            Notice(line, f"%include {where} is read once the %pre scripts have run")
            for line, where in source.later
        ]
        # With its own maps pykickstart would import the handlers of all releases, slow on small machines.
        super().__init__(RHEL10Handler(mapping=commands, dataMapping=RHEL10Handler.dataMap))

    @property
    def line(self) -> int:
        return self.lines.line if self.lines else 0

    def setupSections(self) -> None:
        self._sections: dict[str, Any] = {}
        self.packages = sections.Packages(self.handler, self.notices.extend)
        self.addon = AddonSection(self.handler, lambda: self.line, self.source.name)
        for section in sections.script_sections(self.handler, self.notices.extend):
            self.registerSection(section)
        self.registerSection(self.packages)
        self.registerSection(self.addon)

    def read(self) -> Read:
        return Read(self.addon.zfs, self.addon.notify, self.packages.line, tuple(self.notices))

    def readKickstartFromString(self, s: str, reset: bool = True) -> None:
        self.lines = _Lines([*s.splitlines(keepends=True), ""])
        if reset:
            self._reset()
        self._stateMachine(self.lines)

    def check_sections(self) -> None:
        """Refuse unknown sections, with the list of known ones."""
        section = ""
        for number, line in enumerate(self.source.text.splitlines(), start=1):
            word = (line.split() or [""])[0]
            if not section and word.startswith("%") and word not in SUPPORTED_SECTIONS:
                if word in SECTIONS:
                    raise Refused(number, f"{word} is not supported", SECTIONS[word].note)
                known = ", ".join(sorted(SUPPORTED_SECTIONS))
                raise Refused(number, f"unknown section {word}", f"supported sections: {known}")
            if word == "%end":
                section = ""
            elif word in SUPPORTED_SECTIONS:
                section = word

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        name = args[0]
        if name not in SUPPORTED:
            known = "is not supported" if name in COMMANDS else "is not a kickstart command"
            raise Refused(lineno, f"{name} {known}", nearest(name))
        command = SUPPORTED[name]
        told = sections.check_options(name, args[1:], command, lineno)
        if command.status == "accepted" and not told:
            told = [Notice(lineno, f"{name} has no effect: {command.note}")]
        self.notices.extend(told)
        if not command.repeats:
            # Aliases (reboot and poweroff) share one object, and contradict each other.
            key = id(self.handler.commands[name])
            if key in self.first:
                first = self.source.name(self.first[key], lineno)
                raise Refused(lineno, f"{name} repeats or contradicts {first}", "keep one of them")
            self.first[key] = lineno
        return super().handleCommand(lineno, args)
