"""Mount and process namespaces of the build's own: however the build ends, no mount and no process stays.

diskimage-builder's clean-up, and a build that is killed at any moment, can thus never reach the host's /proc,
/sys or /dev.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = ["enter"]

_CLONE_NEWNS = 0x00020000  # linux/sched.h
_CLONE_NEWPID = 0x20000000
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def enter() -> None:
    """Continue in a child that is process 1 of new namespaces; the parent waits and exits as the child does.

    Needs root. When the parent dies, by whatever signal, the kernel ends the child and all it started.
    Raises EdgeLinuxError where namespaces are not allowed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWPID):
        reason = os.strerror(ctypes.get_errno())
        raise EdgeLinuxError(
            f"cannot make a mount namespace: {reason}", hint="run on the host, not in a container"
        )
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(reading)
        _wait_for(child, writing)
    os.close(writing)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the line above; then its end of the pipe closes without a byte.
    if not os.read(reading, 1):
        os._exit(1)
    os.close(reading)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    run(["mount", "--make-rprivate", "/"])
    run(["mount", "-t", "proc", "proc", "/proc"])


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _wait_for(child: int, writing: int) -> NoReturn:
    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    # Ctrl-C reaches the whole foreground group by itself; the child's way of ending is what counts.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGHUP, forward)
    os.write(writing, b"x")
    os.close(writing)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)
