"""Sends the tests that share a machine to the same pytest-xdist worker, one after the other.

xdist's own groups (`--dist loadgroup`) silently do nothing with pytest 9.2, whose node ids xdist 3.8 cannot
change (pytest-xdist#1386), and two workers would install the same disks. So the group is read from the id.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

__all__ = ["GroupScheduling", "group_of"]


def group_of(nodeid: str) -> str:
    """A test's group: the pair of disks that is among its parameters, else its module."""
    match = re.search(r"[\[-](uefi|bios)[\]-]", nodeid)
    return match[1] if match else nodeid.partition("::")[0]


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Distributes whole groups, the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
