"""Programs that read or write a stream too large to hold: like `run`, but piece by piece."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, cast

from edgelinux_hostd.errors import CommandError, EdgeLinuxError

__all__ = ["PIECE", "feed", "pieces"]

log = logging.getLogger("edgelinux.run")

PIECE = 1024 * 1024


def feed(argv: Sequence[str | Path], stream: BinaryIO) -> None:
    """Run a program with a stream as its input.

    Raises CommandError when the program fails, and EdgeLinuxError when it cannot be started. When reading the
    stream fails, the program is ended first, so that it does not take half a stream for a whole one.
    """
    args = [str(word) for word in argv]
    with tempfile.TemporaryFile() as said:
        process = _start(args, subprocess.PIPE, subprocess.DEVNULL, said)
        pipe = cast("IO[bytes]", process.stdin)
        try:
            # A program that ends early says why on its standard error; the broken pipe says less.
            with contextlib.suppress(BrokenPipeError):
                while piece := stream.read(PIECE):
                    pipe.write(piece)
        except BaseException:
            process.kill()
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
            process.wait()
        _check(args, process.returncode, said)


def pieces(argv: Sequence[str | Path]) -> Iterator[bytes]:
    """Run a program and give what it writes, in pieces of at most 1 MiB.

    Raises CommandError after the last piece when the program failed. A reader that stops early ends it.
    """
    args = [str(word) for word in argv]
    with tempfile.TemporaryFile() as said:
        process = _start(args, subprocess.DEVNULL, subprocess.PIPE, said)
        pipe = cast("IO[bytes]", process.stdout)
        try:
            while piece := pipe.read(PIECE):
                yield piece
        except BaseException:
            process.kill()
            raise
        finally:
            pipe.close()
            process.wait()
        _check(args, process.returncode, said)


def _start(args: list[str], stdin: int, stdout: int, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    log.debug("+ %s", shlex.join(args))
    try:
        # Standard error goes to a file: nobody reads it while the stream runs, and a full pipe would block.
        return subprocess.Popen(
            args, stdin=stdin, stdout=stdout, stderr=stderr, env={**os.environ, "LC_ALL": "C.UTF-8"}
        )
    except FileNotFoundError as error:
        raise EdgeLinuxError(
            f"cannot run {args[0]}: no such program", hint="is its package installed?"
        ) from error
    except OSError as error:
        raise EdgeLinuxError(f"cannot run {args[0]}: {error.strerror or error}") from error


def _check(args: list[str], returncode: int, stderr: IO[bytes]) -> None:
    stderr.seek(0)
    text = stderr.read().decode("utf-8", errors="replace")
    for line in text.splitlines():
        log.debug("  %s", line)
    log.debug("  exit code %d", returncode)
    if returncode != 0:
        raise CommandError(args, returncode, text)
