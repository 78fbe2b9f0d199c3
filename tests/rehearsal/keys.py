"""Keys that live as long as the stand-in repositories are made, and what of them stays."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgelinux_build.gnupg import primary_fingerprints
from edgelinux_hostd.run import run

__all__ = ["signing_keys"]


@contextlib.contextmanager
def signing_keys(names: Iterable[str], public: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Make a key for each name; gives GnuPG's home and the fingerprints, and leaves the public keys behind.

    They are in `public`, as <name>.asc.
    """
    public.mkdir(parents=True)
    # Short enough for the socket of gpg-agent.
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        home = Path(folder)
        argv: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--no-tty"]
        found = {}
        try:
            for name in names:
                run([*argv, "--passphrase", "", "--quick-gen-key", name, "rsa3072", "sign", "never"])
                (found[name],) = primary_fingerprints(
                    run([*argv, "--list-keys", "--with-colons", name]).stdout
                )
                (public / f"{name}.asc").write_text(
                    run([*argv, "--armor", "--export", found[name]]).stdout, encoding="utf-8"
                )
            yield home, found
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
