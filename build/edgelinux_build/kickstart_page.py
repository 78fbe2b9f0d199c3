"""Writes docs/kickstart.md from the table of commands and from what pykickstart knows of RHEL 10's syntax."""

# mypy: disable-error-code="no-untyped-call"
# (pykickstart has no types.)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgelinux_installer.kickstart.supported import COMMANDS, SECTIONS, Command, Option
from pykickstart.handlers.rhel10 import RHEL10Handler
from pykickstart.sections import (
    OnErrorScriptSection,
    PackageSection,
    PostScriptSection,
    PreInstallScriptSection,
    PreScriptSection,
    TracebackScriptSection,
)

__all__ = ["known_options", "known_section_options", "page"]

_WORDS = {"done": "done", "accepted": "without effect", "refused": "refused"}

_HEAD = """\
<!-- Made by `edgelinux kickstart documentation --out docs/kickstart.md`; do not edit. -->
# Kickstart commands

A kickstart in RHEL 10's syntax installs edgeLinux OS. This page lists every command, section and option of
that syntax and what becomes of it:

- **done**: carried out;
- **without effect**: accepted, and said so by `edgelinux kickstart check` and by the installer;
- **refused**: an error with file, line, and what to use instead. Nothing is ignored in silence.

`edgelinux kickstart check FILE` tells what the installer would say. What is not listed here is refused.

## Disks

Without any section of its own, a kickstart makes one mirrored pool of the disks that it selects
(`ignoredisk`, `clearpart --drives`); if it selects none, of the two disks there are. The section
`%addon edgelinux_zfs` says more:

    %addon edgelinux_zfs
    layout = mirror
    disks = 2
    select = /dev/disk/by-id/ata-INTEL*, serial:S4X7*, model:SAMSUNG MZ*, size>=400GB
    %end

| key | meaning |
|---|---|
| `layout` | `mirror` (of two, three or four disks), or `single`: one disk, which nothing protects |
| `disks` | how many disks; without it, all that `select` means |
| `select` | which disks, parted by commas |
| `pool` | `antlets`, the only name there is |

A disk is selected when any of the names means it and all comparisons of sizes hold. Names are paths
below `/dev` (`/dev/sda`, `/dev/disk/by-id/…`), `serial:…` and `model:…`, all of them with `*`, `?` and
`[…]` if need be. Sizes are `size>=400GB`, with `>=`, `<=`, `>` or `<`, and MB, GB, TB, MiB, GiB or TiB.
The key `disks.select` of a site file takes the same, as a list. Removable disks and those on USB are
taken only if a name means them.

- If more disks match than `disks` says, nothing is installed: disks are never guessed.
- A disk that holds anything is refused, unless `clearpart --all`, or `--linux` for one that holds nothing but
  Linux, allows it to be erased. A disk of an existing pool `antlets` is refused in the same way, with the
  pool's GUID.
- Disks of different size make a mirror as large as the smallest; this is said.
- Disks with sectors of 512 and of 4096 bytes may be mixed, since the pool uses blocks of 4096 bytes on all;
  this is said. BIOS does not start from disks with sectors of 4096 bytes, so they need UEFI.

`edgelinux-install --hardware > machine.json` records a machine, and
`edgelinux kickstart disks FILE --hardware machine.json` shows which of its disks a kickstart would take.

## Reports

With the section `%addon edgelinux_notify` the installer tells a server that it begins, how far it is, and how
it ended, and the new host, once, that it is up; [reports.md](reports.md) has what is sent:

    %addon edgelinux_notify
    url = https://boot.example/report
    cert = 5d41…
    token = 1Yt0oPwQ
    %end

| key | meaning |
|---|---|
| `url` | where reports are posted, http or https |
| `cert` | the SHA-256 of the server's certificate (DER), in place of certificate authorities and names |
| `token` | sent as a bearer token with every report |

A server that cannot be reached, or refuses, is a line in the log and delays nothing.

## Files within files

`%include FILE` and `%ksappend FILE` are replaced by what FILE holds: a path, `file:/…`, `cdrom:/…` (the
medium), or an HTTP(S) URL. A relative path begins where the including file lies. Inclusions may be
nested eight deep. A file below `/tmp` or `/run` may be written by a `%pre` script: then it is read once
those have run, and `check` says so.

"""

_REFUSED = """\
## Refused commands and sections

| name | instead | options, refused with it |
|---|---|---|"""


def page() -> str:
    """Give the whole page."""
    handler = RHEL10Handler(mapping=RHEL10Handler.commandMap, dataMapping=RHEL10Handler.dataMap)
    commands = known_options(handler)
    sections = known_section_options(handler)
    parts = [_HEAD.rstrip() + "\n", "## Commands\n"]
    parts += [_entry(*item, commands) for item in _supported(COMMANDS)]
    parts += ["## Sections\n", *(_entry(*item, sections) for item in _supported(SECTIONS))]
    parts += [_REFUSED, *_refused(COMMANDS, commands), *_refused(SECTIONS, sections)]
    return "\n".join(parts).rstrip("\n") + "\n"


def known_options(handler: Any) -> dict[str, tuple[str, ...]]:
    """Map each command that pykickstart knows to its options."""
    return {name: _options(getattr(command, "op", None)) for name, command in handler.commands.items()}


def known_section_options(handler: Any) -> dict[str, tuple[str, ...]]:
    """Map each section that has options to them."""
    kinds = (
        PreScriptSection,
        PreInstallScriptSection,
        PostScriptSection,
        OnErrorScriptSection,
        TracebackScriptSection,
        PackageSection,
    )
    return {kind.sectionOpen: _options(kind(handler)._getParser()) for kind in kinds}


def _options(parser: Any) -> tuple[str, ...]:
    if parser is None:
        return ()
    return tuple(sorted(name for action in parser._actions for name in action.option_strings))


def _supported(table: Mapping[str, Command]) -> list[tuple[str, Command]]:
    return [(name, table[name]) for name in sorted(table) if table[name].status != "refused"]


def _entry(name: str, command: Command, known: Mapping[str, tuple[str, ...]]) -> str:
    note = f": {command.note}" if command.note else ""
    lines = [f"### {name}\n", f"**{_WORDS[command.status]}**{note}\n"]
    alike: dict[tuple[str, str], list[str]] = {}
    for option in sorted({*command.options, *known.get(name, ())}):
        entry = command.options[option]
        alike.setdefault((_WORDS[entry.status], _note(entry)), []).append(f"`{option}`")
    if alike:
        lines += ["| option | | |", "|---|---|---|"]
        lines += [f"| {', '.join(names)} | {word} | {note} |" for (word, note), names in alike.items()]
        lines.append("")
    return "\n".join(lines)


def _refused(table: Mapping[str, Command], known: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Give a row for each refused command; its options are refused with it."""
    for name in sorted(table):
        if table[name].status == "refused":
            options = ", ".join(f"`{option}`" for option in known.get(name, ()))
            yield f"| {name} | {_cell(table[name].note)} | {options} |"


def _note(option: Option) -> str:
    removed = "not in RHEL 10; " if option.removed and "RHEL 10" not in option.note else ""
    return _cell(f"{removed}{option.note}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
