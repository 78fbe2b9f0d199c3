"""What every use of GnuPG here needs, whosever keys they are."""

from __future__ import annotations

import itertools
from pathlib import Path

from edgelinux_hostd.run import run

__all__ = ["end_agents", "primary_fingerprints"]


def primary_fingerprints(listing: str) -> list[str]:
    """Return the fingerprints of the primary keys in gpg's colon listing (doc/DETAILS of GnuPG)."""
    rows = [line.split(":") for line in listing.splitlines()]
    return [
        after[9] for row, after in itertools.pairwise(rows) if row[0] in ("sec", "pub") and after[0] == "fpr"
    ]


def end_agents(home: Path) -> None:
    """End what GnuPG has started for a home directory: it outlives the program that wanted it."""
    run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
