"""What operations do to the machine beyond datasets and antlets, as functions that tests can replace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.recover.plan import Action, Plan
from edgelinux_hostd.storage.plan import PoolPlan
from edgelinux_hostd.templates.offers import HostOffers

__all__ = ["NetworkTools", "PoolTools", "RecoveryTools", "Tools"]


@dataclass(frozen=True)
class PoolTools:
    """Pools: planned (name, layout, disks, erase), made, taken back, scrubbed.

    `absent` finds a recorded pool that is not here, by name or GUID: GUID and name, by which it is forgotten
    and recorded again.
    """

    plan: Callable[[str, str, Sequence[str], bool], PoolPlan]
    create: Callable[[PoolPlan], None]
    undo: Callable[[PoolPlan], None]
    start_scrub: Callable[[str], None]
    stop_scrub: Callable[[str], None]
    absent: Callable[[str], tuple[int, str]]
    forget: Callable[[int], None]
    remember: Callable[[int, str], None]


@dataclass(frozen=True)
class NetworkTools:
    """The antlets' network: is a base IP free of the host's own networks; give it one, for good."""

    check_free: Callable[[str], None]
    rebase: Callable[[str], None]


@dataclass(frozen=True)
class RecoveryTools:
    """Pools that could be imported (by names or GUIDs): looked into without being changed, brought in for
    good (both forced or not), let go again; surveyed, repaired.
    """

    find: Callable[[Collection[str]], Sequence[PoolImport]]
    look: Callable[[PoolImport, bool], Sequence[str]]
    bring_in: Callable[[PoolImport, bool], Sequence[str]]
    release: Callable[[PoolImport], None]
    plan: Callable[[Collection[PoolImport], bool], Plan]
    perform: Callable[[Action], None]


@dataclass(frozen=True)
class Tools:
    """All of them, and what libvirt and QEMU offer here."""

    offers: Callable[[], HostOffers]
    pools: PoolTools
    network: NetworkTools
    recovery: RecoveryTools
