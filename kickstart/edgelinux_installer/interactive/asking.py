"""Whether an installation that was chosen in the boot menu asks a person what to do.

Keep the imports here few: this is looked at before anything else of the installer is loaded.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["ARGUMENT", "should_ask"]

ARGUMENT = "edgelinux.install=ask"
"""The kernel argument of media that were made without a site file or kickstart."""


def should_ask(command_line: str, medium: Path, find_kickstart: Callable[[Path], object | None]) -> bool:
    """Say whether to ask: the medium says so, and nothing else has a kickstart for this machine.

    `find_kickstart` looks for one beside the medium's own (a stick that carries sites); it is called last,
    and only when the answer depends on it.
    """
    words = shlex.split(command_line)
    if ARGUMENT not in words or any(word.startswith("inst.ks=") and word != "inst.ks=" for word in words):
        return False
    try:
        return find_kickstart(medium) is None
    except EdgeLinuxError:
        # The installation looks again, and says what is wrong.
        return False
