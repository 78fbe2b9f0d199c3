"""Finds and fetches the kickstart: on the medium, in a file, or from a web server."""

from __future__ import annotations

import http.client
import logging
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.identity import Identity
from edgelinux_installer.netboot import NetworkBoot, identity_headers
from edgelinux_installer.web import open_web, trouble

__all__ = ["MEDIUM", "fetch", "fetch_kickstart", "location"]

log = logging.getLogger(__name__)

# Where dracut's dmsquash-live mounts the medium.
MEDIUM = Path("/run/initramfs/live")

_LIMIT = 4 * 1024**2
# Long enough for a switch port with spanning tree (30 s to forward) and a slow DHCP server.
_PATIENCE_SECONDS = 120.0


def location(command_line: str, given: str = "") -> str:
    """Say where the kickstart is: as given, else as the kernel's command line says, else on the medium."""
    if given:
        return given
    for word in shlex.split(command_line):
        key, _, value = word.partition("=")
        if key == "inst.ks" and value:
            return value
    return "cdrom:/edgelinux/ks.cfg"


def fetch_kickstart(
    where: str,
    medium: Path,
    boot: NetworkBoot,
    machine: Identity,
    *,
    patience: float = _PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Give the text of the kickstart itself, as `fetch` does; a web server is told which machine asks.

    With a one-time token it can be fetched once. Raises EdgeLinuxError, also for what such a server says of
    the machine: it has no kickstart for it (404), or does not take its token (403, 410).
    """
    if not re.match(r"https?://", where):
        return fetch(where, medium)
    headers, token = identity_headers(machine), boot.token_for(where)

    def answer(status: int) -> EdgeLinuxError | None:
        return _refusal(where, status, machine, token)

    def ask() -> IO[bytes]:
        return open_web(where, cert=boot.cert_for(where), token=token, headers=headers)

    return _decode(_download(where, ask, patience, sleep, clock, answer), where)


def fetch(
    where: str,
    medium: Path,
    *,
    boot: NetworkBoot | None = None,
    patience: float = _PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Give the text of what a kickstart includes: at a path, file:/path, cdrom:/path or http(s) URL.

    A web server is asked again until `patience` seconds have passed: the network may still be coming up.
    Raises EdgeLinuxError.
    """
    if re.match(r"https?://", where):
        cert = boot.cert_for(where) if boot else ""
        return _decode(_download(where, lambda: open_web(where, cert=cert), patience, sleep, clock), where)
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


def _download(
    url: str,
    ask: Callable[[], IO[bytes]],
    patience: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
    answer: Callable[[int], EdgeLinuxError | None] = lambda status: None,
) -> bytes:
    end = clock() + patience
    while True:
        try:
            with ask() as content:
                return _limited(content, url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            found = trouble(error)
        if refused := answer(found.status):
            raise refused
        log.info("kickstart %s: %s", url, found.reason)
        if found.final or clock() >= end:
            raise EdgeLinuxError(
                f"cannot fetch the kickstart {url}: {found.reason}",
                hint=found.hint or "check inst.ks= and network",
            )
        sleep(2)


def _refusal(url: str, status: int, machine: Identity, token: str) -> EdgeLinuxError | None:
    """Say what a server means that has a kickstart for each machine; None for any other status."""
    if status == 404:
        known = [f"MAC {', '.join(machine.macs) or 'none'}"]
        known += [f"serial number {machine.serial}"] * bool(machine.serial)
        known += [f"UUID {machine.uuid}"] * bool(machine.uuid)
        return EdgeLinuxError(
            f"cannot fetch the kickstart {url}: this server has no kickstart for this machine "
            f"({', '.join(known)})",
            hint="add one for it there, or check inst.ks=",
        )
    if status == 403:
        what = "does not take this machine's token" if token else "wants a token, and this machine has none"
        return EdgeLinuxError(
            f"cannot fetch the kickstart {url}: the server {what} (403)",
            hint="start the machine over the network again: that gives it a new token",
        )
    if status == 410:
        return EdgeLinuxError(
            f"cannot fetch the kickstart {url}: this machine's token was used already (410); if not by this "
            "machine, somebody else has read the kickstart",
            hint="start the machine over the network again: that gives it a new token",
        )
    return None


def _limited(file: IO[bytes], where: str) -> bytes:
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
