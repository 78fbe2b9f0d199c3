"""Unpacks the system."""

from __future__ import annotations

import logging

from edgelinux_installer.context import Context, Step
from edgelinux_installer.stream import stream

__all__ = ["STEP", "unpack"]

log = logging.getLogger(__name__)


def unpack(ctx: Context) -> None:
    """Unpack the squashfs into the boot environment, telling how far it is."""

    def follow(line: str) -> None:
        # -percentage prints bare numbers (squashfs-tools 4.6).
        if line.isascii() and line.isdigit():
            ctx.progress.fraction(int(line) / 100)
        elif line:
            log.debug("  %s", line)

    unsquashfs = ["unsquashfs", "-f", "-percentage", "-d", str(ctx.target), str(ctx.squashfs)]
    stream(unsquashfs, follow, started=ctx.children.append)


STEP = Step("Writing the system", 30, unpack)
