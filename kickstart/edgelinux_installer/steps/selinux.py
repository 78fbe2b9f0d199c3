"""Sets SELinux's mode, on bases that have it (selinux_config(5))."""

from __future__ import annotations

import re

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write

__all__ = ["STEP", "configure", "with_mode"]

_CONFIG = "etc/selinux/config"


def configure(ctx: Context) -> None:
    """Write the kickstart's mode; without one the image's stays, and so on a base without SELinux."""
    mode = ctx.plan.kickstart.selinux
    if mode is None or not ctx.plan.image.selinux:
        return
    path = ctx.target / _CONFIG
    write(path, with_mode(path.read_text(encoding="utf-8"), mode))
    if mode != "disabled":
        # The installer's own files have no labels yet.
        write(ctx.target / ".autorelabel", "")


def with_mode(text: str, mode: str) -> str:
    """Give the configuration with this mode."""
    kept = re.sub(r"(?m)^\s*SELINUX\s*=.*\n?", "", text)
    return f"{kept.rstrip()}\nSELINUX={mode}\n".lstrip("\n")


STEP = Step("Configuring SELinux", 1, configure)
