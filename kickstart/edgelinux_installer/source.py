"""Finds and fetches the kickstart: on the medium, in a file, or from a web server."""

from __future__ import annotations

import http.client
import logging
import re
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["MEDIUM", "fetch", "location"]

log = logging.getLogger(__name__)

# Where dracut's dmsquash-live mounts the medium.
MEDIUM = Path("/run/initramfs/live")

_LIMIT = 4 * 1024**2
# Long enough for a switch port with spanning tree (30 s to forward) and a slow DHCP server.
_PATIENCE_SECONDS = 120.0
_TIMEOUT_SECONDS = 15.0


def location(command_line: str, given: str = "", stick: Callable[[], str] = str) -> str:
    """Say where the kickstart is: as given, else as the kernel's command line says, else on the medium.

    `stick` is asked for this machine's own one among a stick's sites, which comes before the medium's; it
    gives its path, or "".
    """
    if given:
        return given
    for word in shlex.split(command_line):
        key, _, value = word.partition("=")
        if key == "inst.ks" and value:
            return value
    return stick() or "cdrom:/edgelinux/ks.cfg"


def fetch(
    where: str,
    medium: Path,
    *,
    patience: float = _PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Give the text of the kickstart at a path, file:/path, cdrom:/path or http(s) URL.

    A web server is asked again until `patience` seconds have passed: the network may still be coming up.
    Raises EdgeLinuxError.
    """
    if re.match(r"https?://", where):
        return _decode(_download(where, patience, sleep, clock), where)
    scheme, colon, rest = where.partition(":")
    if colon and scheme == "cdrom":
        path = medium / rest.lstrip("/")
    elif colon and scheme == "file":
        path = Path("/") / rest.lstrip("/")
    elif colon and "/" not in scheme:
        raise EdgeLinuxError(
            f"cannot fetch the kickstart from {where}",
            hint="a path, file:/…, cdrom:/…, http://… or https://…",
        )
    else:
        path = Path(where)
    try:
        # A device or a FIFO has no end.
        if path.exists() and not path.is_file():
            raise EdgeLinuxError(f"cannot read the kickstart {path}: not a regular file")
        with path.open("rb") as file:
            return _decode(_limited(file, str(path)), str(path))
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot read the kickstart {path}: {error.strerror}",
            hint="give one with --kickstart or inst.ks=",
        ) from error


def _download(url: str, patience: float, sleep: Callable[[float], None], clock: Callable[[], float]) -> bytes:
    end = clock() + patience
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  (http and https only)
                return _limited(answer, url)
        except urllib.error.HTTPError as error:
            # The server has spoken: only its own trouble (5xx) may pass.
            reason, final = f"{error.code} {error.reason}", error.code < 500
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason, final = str(getattr(error, "reason", None) or error), isinstance(error, ValueError)
        log.info("kickstart %s: %s", url, reason)
        if final or clock() >= end:
            raise EdgeLinuxError(
                f"cannot fetch the kickstart {url}: {reason}", hint="check inst.ks= and network"
            )
        sleep(2)


def _limited(file: BinaryIO, where: str) -> bytes:
    content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise EdgeLinuxError(f"the kickstart {where} is larger than {_LIMIT // 1024**2} MiB")
    return content


def _decode(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise EdgeLinuxError(f"{where}:{line}: the kickstart is not UTF-8 text", exit_code=2) from error
