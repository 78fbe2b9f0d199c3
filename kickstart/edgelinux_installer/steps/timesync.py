"""Tells chrony where to take the time from (chrony.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.kickstart import TimeSource

__all__ = ["STEP", "configure", "with_sources"]

# Bases keep the file, and call the unit, differently.
_CONFIGURATIONS = ("etc/chrony/chrony.conf", "etc/chrony.conf")
_UNITS = ("chrony.service", "chronyd.service")


def configure(ctx: Context) -> None:
    """Replace the image's time sources by the kickstart's, or switch time synchronization off."""
    ks = ctx.plan.kickstart
    if not ks.ntp:
        for unit in _UNITS:
            if (ctx.target / "usr/lib/systemd/system" / unit).is_file():
                run(["systemctl", f"--root={ctx.target}", "disable", unit])
    if ks.timesources:
        path = _configuration(ctx.target)
        write(path, with_sources(path.read_text(encoding="utf-8"), ks.timesources))


def with_sources(text: str, sources: Sequence[TimeSource]) -> str:
    """Give chrony's configuration with these sources instead of its own."""
    kept = re.sub(r"(?mi)^(\s*(?:server|pool|peer|sourcedir)\s)", r"#\1", text)
    lines = [f"{source.kind} {source.host} iburst{' nts' if source.nts else ''}" for source in sources]
    return kept.rstrip("\n") + "\n\n# From the kickstart:\n" + "\n".join(lines) + "\n"


def _configuration(target: Path) -> Path:
    for name in _CONFIGURATIONS:
        if (target / name).is_file():
            return target / name
    raise EdgeLinuxError("the system has no chrony.conf to put the time servers into")


STEP = Step("Configuring the time", 1, configure)
