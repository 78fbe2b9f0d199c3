"""Shows the announcement on all consoles: above the log-in prompts, and once in a boot as lines for a log.

Run by edgelinux-announce.service, once the host is up and again whenever its addresses change.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from edgelinux_hostd.announce.facts import Facts, gather
from edgelinux_hostd.announce.text import block, issue
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_hostd.terminals import console_names, write_to_terminal

__all__ = ["main", "show"]

_ISSUE = Path("/run/issue.d/edgelinux.issue")
_SAID = Path("/run/edgelinux/announced")


def show(facts: Facts, consoles: Iterable[Path], *, issue_file: Path = _ISSUE, said: Path = _SAID) -> None:
    """Bring the log-in prompts up to date. With the first address of this boot, tell the consoles as well."""
    if facts.addresses and not facts.live and not said.exists():
        text = "".join(f"\r\n{line}" for line in block(facts))
        for console in consoles:
            write_to_terminal(console, f"{text}\r\n")
        said.parent.mkdir(parents=True, exist_ok=True)
        said.touch()
    text = issue(facts)
    if not issue_file.exists() or issue_file.read_text(encoding="utf-8") != text:
        issue_file.parent.mkdir(exist_ok=True)
        issue_file.write_text(text, encoding="utf-8")
        # The prompt comes again, below what was told.
        run(["agetty", "--reload"], check=False)


def main() -> int:
    """Announce this host. Returns the exit code."""
    try:
        show(gather(), [Path("/dev") / name for name in console_names()])
    except (EdgeLinuxError, OSError, ValueError) as error:
        print(f"edgelinux-announce: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
