"""Runs a program whose output is wanted while it runs."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
from collections.abc import Callable, Sequence

from edgelinux_hostd.errors import CommandError, EdgeLinuxError

__all__ = ["stream"]

log = logging.getLogger("edgelinux.run")

_KEEP = 20


def stream(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    started: Callable[[subprocess.Popen[str]], None] = lambda process: None,
) -> None:
    """Run a program and hand over each line that it writes. Raises CommandError when it fails.

    `started` gets the process, for somebody who may have to end it.
    """
    log.debug("+ %s", shlex.join(argv))
    last: list[str] = []
    try:
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            encoding="utf-8",
            errors="replace",
        ) as process:
            started(process)
            for line in process.stdout or ():
                text = line.strip()
                on_line(text)
                if text and not text.isdigit():
                    last = [*last, text][-_KEEP:]
    except OSError as error:
        raise EdgeLinuxError(f"cannot run {argv[0]}: {error.strerror}") from error
    log.debug("  exit code %d", process.returncode)
    if process.returncode != 0:
        raise CommandError(argv, process.returncode, "\n".join(last))
