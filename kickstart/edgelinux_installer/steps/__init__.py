"""The installation, step by step. Read from top to bottom, this is what happens to a machine.

Until the last step nothing on the disks is bootable: an installation that stopped is never taken for a
finished one.
"""

from edgelinux_installer.context import Step
from edgelinux_installer.steps import (
    accounts,
    boot,
    close,
    datasets,
    erase,
    firewall,
    medium,
    netmedium,
    network,
    partitions,
    pool,
    scripts,
    selinux,
    services,
    system,
    templates,
    timesync,
    tree,
)

__all__ = ["NETWORK_STEPS", "READING", "STEPS"]

STEPS: tuple[Step, ...] = (
    medium.STEP,
    erase.STEP,
    partitions.STEP,
    pool.STEP,
    datasets.STEP,
    scripts.BEFORE,
    tree.STEP,
    system.STEP,
    network.STEP,
    timesync.STEP,
    firewall.STEP,
    accounts.STEP,
    services.STEP,
    selinux.STEP,
    templates.STEP,
    scripts.STEP,
    boot.STAGE,
    close.STEP,
    boot.BOOTABLE,
)

NETWORK_STEPS: tuple[Step, ...] = (netmedium.STEP, *(step for step in STEPS if step is not medium.STEP))
"""After a network boot: what was fetched was checked as it came."""

READING = frozenset({netmedium.STEP.name, medium.STEP.name})
"""The names of the steps before the first that writes to a disk."""
