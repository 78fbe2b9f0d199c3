"""OpenPGP keys that live as long as the tests that sign with them."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["fingerprint", "gpg", "new_keys"]


def gpg(home: Path, *arguments: str | Path) -> bytes:
    """Run gpg; gives what it printed."""
    argv = ["gpg", "--homedir", home, "--batch", "--no-tty", "--yes", *arguments]
    return subprocess.run(argv, check=True, capture_output=True).stdout


@contextlib.contextmanager
def new_keys(*names: str) -> Iterator[Path]:
    """Make keys <name>@example.org, in a place whose name is short enough for gpg-agent's socket."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        for name in names:
            address = f"{name}@example.org"
            gpg(Path(home), "--passphrase", "", "--quick-gen-key", address, "rsa2048", "sign", "never")
        yield Path(home)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def fingerprint(home: Path, name: str) -> str:
    """Give the fingerprint of a key."""
    listing = gpg(home, "--list-keys", "--with-colons", f"{name}@example.org").decode()
    return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
