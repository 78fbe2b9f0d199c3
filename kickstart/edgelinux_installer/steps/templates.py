"""Puts the medium's antlet templates onto the new pool, so that antlets can be made after the first boot."""

from __future__ import annotations

from edgelinux_hostd.layout import POOL
from edgelinux_hostd.storage.zfs import ZfsStorage
from edgelinux_hostd.templates import template_file
from edgelinux_hostd.templates.shipped import install_shipped

from edgelinux_installer.context import Context, Step

__all__ = ["STEP", "install"]


def install(ctx: Context) -> None:
    """Install each template of the medium; what is served over the network may have none."""
    total = len(list(ctx.templates.glob(f"*/{template_file.FILE}")))
    if not total:
        return
    begun: list[str] = []

    def follow(name: str) -> None:
        ctx.progress.fraction(len(begun) / total)
        begun.append(name)

    install_shipped(ZfsStorage(), POOL, ctx.templates, follow)


STEP = Step("Installing the antlet templates", 12, install)
