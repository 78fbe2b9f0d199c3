"""The console of a container: lxc-console on a terminal of its own, of which hostd holds the other end."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
import tty
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["open_console"]

# lxc-console cannot be told to have no escape, so it is a key that no keyboard has alone and programs do not
# want: Ctrl-_ (0x1f), followed by q.
_ESCAPE = "^_"


def open_console(lxcpath: Path, name: str) -> int:
    """Give the file descriptor of a terminal at a running container's console; closing it ends the session.

    Raises EdgeLinuxError.
    """
    ours, theirs = pty.openpty()
    try:
        tty.setraw(theirs)
        process = subprocess.Popen(
            ["lxc-console", "-q", "-P", str(lxcpath), "-n", name, "-t", "0", "-e", _ESCAPE],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    except OSError as error:
        os.close(ours)
        raise EdgeLinuxError(f"cannot open the console of antlet {name}: {error.strerror}") from error
    finally:
        os.close(theirs)
    # It ends when the descriptor is closed or the container stops; somebody must take note.
    threading.Thread(target=process.wait, name=f"console of {name}", daemon=True).start()
    return ours
