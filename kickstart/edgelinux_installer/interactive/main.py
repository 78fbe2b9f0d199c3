"""`edgelinux-install --interactive`: opens the terminal, and runs the forms on it."""

from __future__ import annotations

import logging
import os
import sys

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.context import RUN
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.doing import Doing
from edgelinux_installer.interactive.pages import PAGES
from edgelinux_installer.interactive.terminal import open_terminal
from edgelinux_installer.interactive.turn import Turn

__all__ = ["LOCK", "run_forms"]

log = logging.getLogger(__name__)

LOCK = RUN / "interactive.lock"


def run_forms(*, dry: bool = False) -> int:
    """Ask at this terminal, and install; `dry`: everything but that. Returns the exit code.

    Raises EdgeLinuxError when there is no terminal, no right to look at the disks, or the forms break.
    """
    if os.geteuid() != 0:
        raise EdgeLinuxError("the installer needs root", hint="sudo edgelinux-install --interactive")
    terminal, screen = open_terminal()
    print("Looking at this machine ...", flush=True)
    doing = Doing()
    world = doing.look()
    # The kernel's messages would stand across the forms; its journal keeps them.
    run(["dmesg", "--console-level", "emerg"], check=False)
    app = App(world, doing, terminal, screen, Turn(LOCK, terminal.name), dry=dry)
    try:
        code = app.run(PAGES)
    except EdgeLinuxError:
        raise
    except Exception as error:
        log.exception("the forms broke")
        raise EdgeLinuxError(f"unexpected {type(error).__name__}: {error}") from error
    finally:
        run(["dmesg", "--console-level", "warn"], check=False)
    for line in app.last_words:
        print(line)
    sys.stdout.flush()
    return code
