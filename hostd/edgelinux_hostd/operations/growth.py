"""Grow a machine's first disk: its sparse image gets longer, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError
from edgelinux_hostd.jobs.model import Context, Step
from edgelinux_hostd.operations.services import Services, usable

__all__ = ["check_growth", "growth_step"]


def check_growth(host: Services, antlet: Antlet, size: int) -> Path:
    """Give the image of an antlet's first disk, which can be made `size` bytes long; raises InvalidError."""
    if antlet.kind != "kvm":
        raise InvalidError(f"antlet {antlet.name} is a container and has no disk", hint="it has a quota")
    images = host.disk_images(host.domain(antlet.directory, usable(antlet)))
    if not images:
        raise InvalidError(f"antlet {antlet.name} has no disk of its own")
    image = antlet.directory / "disks" / images[0]
    try:
        now = image.stat().st_size
    except OSError as error:
        raise EdgeLinuxError(f"cannot read {image}: {error.strerror}") from error
    if size < now:
        raise InvalidError(
            f"disk {images[0]} of antlet {antlet.name} is larger than that", hint=f"it has {now} bytes"
        )
    return image


def growth_step(host: Services) -> Step:
    """Give the step of an update that grows the disk, or does nothing; undone, it is as long as before."""

    def grow(ctx: Context) -> None:
        if ctx.params.disk is None:
            return
        if "image" not in ctx.values:
            image = check_growth(host, host.inventory.antlet(ctx.params.name), ctx.params.disk)
            ctx.keep(image=str(image), length=image.stat().st_size)
        os.truncate(ctx.values["image"], ctx.params.disk)

    def shrink(ctx: Context) -> None:
        if "image" in ctx.values:
            os.truncate(ctx.values["image"], ctx.values["length"])

    return Step("grow", grow, shrink)
