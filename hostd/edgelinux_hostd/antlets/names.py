"""Names of antlets, templates and snapshots: what they may be, so that they are safe wherever they appear.

An antlet's name is a dataset, a directory, a host name, a unit's instance and a libvirt domain.
"""

from __future__ import annotations

import re

from edgelinux_hostd.errors import InvalidError

__all__ = ["check_antlet_name", "check_pool_name", "check_snapshot_name", "check_template_name"]

# A host name's label (RFC 1123), lower case, since upper case is for the pool's own datasets.
_ANTLET = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What zfs(8) allows in a component, less the colon, which some tools take for a host's.
_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_POOL = re.compile(r"[a-z][a-z0-9_-]{0,30}")

# zpoolconcepts(7) keeps these for itself.
_VDEV_WORDS = ("mirror", "raidz", "draid", "spare", "log")


def check_antlet_name(name: str) -> str:
    """Return the name of an antlet; raises InvalidError."""
    if not _ANTLET.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot name an antlet",
            hint="lower-case letters, digits and hyphens, a letter or digit first and last, at most 63",
        )
    return name


def check_template_name(name: str) -> str:
    """Return the name of a template; raises InvalidError."""
    return _component(name, "template")


def check_snapshot_name(name: str) -> str:
    """Return the name of a snapshot, without its antlet's; raises InvalidError."""
    return _component(name, "snapshot")


def _component(name: str, what: str) -> str:
    if not _COMPONENT.fullmatch(name) or ".." in name:
        raise InvalidError(
            f"{name!r} cannot name a {what}",
            hint="letters, digits and . _ -, a letter or digit first, at most 63",
        )
    return name


def check_pool_name(name: str) -> str:
    """Return the name of a pool to be made (zpoolconcepts(7)); raises InvalidError."""
    if not _POOL.fullmatch(name) or name.startswith(_VDEV_WORDS) or re.match(r"c[0-9]", name):
        raise InvalidError(
            f"{name!r} cannot name a pool",
            hint="lower-case letters, digits, _ and -, a letter first, no word of zpool's own",
        )
    return name
