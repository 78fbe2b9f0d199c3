"""Where `edgelinux-install` begins: says so first, since all that it is made of takes seconds to load.

Keep the imports here few.
"""

from __future__ import annotations

import sys

from edgelinux_installer.consoles import Consoles, console_names, is_attended

__all__ = ["main"]


def main() -> int:
    """Tell the consoles, when it is the boot that starts an installation; then run. Returns the exit code."""
    if not is_attended() and len(sys.argv) == 1:
        Consoles(console_names(), stdout=False).say("edgeLinux installer: starting")
    from edgelinux_installer.cli import main as run

    return run()
