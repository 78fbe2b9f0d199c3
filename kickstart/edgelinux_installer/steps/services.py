"""Switches services on and off."""

from __future__ import annotations

from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step

__all__ = ["STEP", "configure"]


def configure(ctx: Context) -> None:
    """Enable and disable the units of the kickstart's `services` line."""
    services = ctx.plan.kickstart.services
    for verb, units in (("enable", services.enabled), ("disable", services.disabled)):
        if units:
            run(["systemctl", f"--root={ctx.target}", verb, *units])


STEP = Step("Setting up services", 1, configure)
