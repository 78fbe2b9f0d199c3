"""Writes the host's firewall."""

from __future__ import annotations

from edgelinux_hostd import firewall

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write

__all__ = ["STEP", "configure"]


def configure(ctx: Context) -> None:
    """Render the kickstart's `firewall` into hostd's table."""
    wanted = ctx.plan.kickstart.firewall
    text = firewall.render(
        enabled=wanted.enabled, services=wanted.services, ports=wanted.ports, trusted=wanted.trusted
    )
    write(ctx.target / firewall.PATH, text, 0o600)


STEP = Step("Configuring the firewall", 1, configure)
