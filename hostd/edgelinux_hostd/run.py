"""The one way to run other programs: never through a shell, always in the C.UTF-8 locale, always logged."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.errors import CommandError, EdgeLinuxError

__all__ = ["run"]

log = logging.getLogger("edgelinux.run")

# What timeout(1) returns, so that a person who knows it reads it right.
_TIMED_OUT = 124


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    check: bool = True,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    secret: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it wrote, as text.

    `env` is added to this process's environment; `timeout` is in seconds. `stdin` is never logged, since it
    is how secrets are handed over; without it the program reads end-of-file, not the caller's terminal. What
    the program writes is logged unless it is `secret`.

    Raises CommandError when the program fails (unless `check` is false) or takes too long, and EdgeLinuxError
    when it cannot be started.
    """
    args = [str(word) for word in argv]
    log.debug("+ %s", shlex.join(args))
    started = time.monotonic()
    try:
        done = subprocess.run(
            args,
            input=stdin or "",
            capture_output=True,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            timeout=timeout,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise CommandError(args, _TIMED_OUT, f"no end after {timeout:g} s") from None
    except FileNotFoundError as error:
        if cwd is not None and not Path(cwd).is_dir():
            raise EdgeLinuxError(f"cannot run {args[0]}: no directory {cwd}") from error
        raise EdgeLinuxError(
            f"cannot run {args[0]}: no such program", hint="is its package installed?"
        ) from error
    except OSError as error:
        raise EdgeLinuxError(f"cannot run {args[0]}: {error.strerror or error}") from error
    for line in [] if secret else (done.stdout or "").splitlines() + (done.stderr or "").splitlines():
        log.debug("  %s", line)
    log.debug("  exit code %d after %.1f s", done.returncode, time.monotonic() - started)
    if check and done.returncode != 0:
        raise CommandError(args, done.returncode, done.stderr or done.stdout or "")
    return done
