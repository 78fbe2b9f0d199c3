"""Sets SELinux's mode, on bases that have it (selinux_config(5)), and labels what was installed."""

from __future__ import annotations

import re

from edgelinux_hostd.labels import file_contexts, setfiles_argv
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write

__all__ = ["STEP", "configure", "label", "with_mode"]

_CONFIG = "etc/selinux/config"
_NOT_THE_HOSTS = ("/antlets", "/dev", "/proc", "/run", "/sys")


def configure(ctx: Context) -> None:
    """Write the kickstart's mode; without one the image's stays, and so on a base without SELinux."""
    mode = ctx.plan.kickstart.selinux
    if mode is None or not ctx.plan.image.selinux:
        return
    path = ctx.target / _CONFIG
    write(path, with_mode(path.read_text(encoding="utf-8"), mode))


def label(ctx: Context) -> None:
    """Give every file of the new system its label, once nothing is written there any more.

    Also when the mode is disabled: it can be switched on later. Antlets and templates have none of their own.
    """
    if ctx.plan.image.selinux:
        run(setfiles_argv(ctx.target, file_contexts(ctx.target), _NOT_THE_HOSTS))


def with_mode(text: str, mode: str) -> str:
    """Give the configuration with this mode."""
    kept = re.sub(r"(?m)^\s*SELINUX\s*=.*\n?", "", text)
    return f"{kept.rstrip()}\nSELINUX={mode}\n".lstrip("\n")


STEP = Step("Configuring SELinux", 1, configure)
