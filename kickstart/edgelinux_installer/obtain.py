"""The kickstart of this machine: where it is, its text, and what it says."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from edgelinux_hostd.whole import write_whole

from edgelinux_installer.context import RUN
from edgelinux_installer.datapartition import find_kickstart
from edgelinux_installer.identity import this_machine
from edgelinux_installer.kickstart import Kickstart, read_kickstart
from edgelinux_installer.netboot import network_boot
from edgelinux_installer.source import MEDIUM, fetch, fetch_kickstart, location

__all__ = ["obtain", "read"]

log = logging.getLogger(__name__)


def obtain(
    command_line: str, given: str = "", say: Callable[[str], None] = log.info, *, run_dir: Path = RUN
) -> tuple[str, str]:
    """Give the place of the kickstart and its text; `given` is what a person has named.

    A one-time token gets it once: it is kept then. `say` is told what was taken from a stick. Raises
    EdgeLinuxError.
    """

    def stick() -> str:
        found = find_kickstart(MEDIUM)
        if found is None:
            return ""
        say(f"edgeLinux installer: taking {found}")
        return str(found.path)

    where = location(command_line, given, stick)
    log.info("kickstart: %s", where)
    boot = network_boot(command_line)
    once = bool(boot.token_for(where))
    kept = run_dir / f"kickstart-{hashlib.sha256(where.encode()).hexdigest()[:16]}"
    if once and kept.is_file():
        return where, kept.read_text(encoding="utf-8")
    text = fetch_kickstart(where, MEDIUM, boot, this_machine())
    if once:
        write_whole(kept, text, 0o600, durable=False)
    return where, text


def read(command_line: str, where: str, text: str, *, after_pre: bool = False) -> Kickstart:
    """Read a kickstart that `obtain` gave, and fetch what it includes. Raises EdgeLinuxError."""
    boot = network_boot(command_line)

    def get(included: str) -> str:
        return fetch(included, MEDIUM, boot=boot)

    return read_kickstart(text, where, get=get, after_pre=after_pre)
