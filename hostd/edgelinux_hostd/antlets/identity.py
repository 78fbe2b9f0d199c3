"""What makes an antlet's root file system another than its template's: names, keys, what must not be shared.

Only for containers: machines get theirs from a cloud-init seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.antlets.files import write_in_root
from edgelinux_hostd.antlets.spec import AntletSpec

__all__ = ["write_identity", "write_ssh_keys"]


def write_identity(root: Path, spec: AntletSpec) -> None:
    """Give a root its antlet's host name (hostname(5), hosts(5))."""
    write_in_root(root, "etc/hostname", f"{spec.name}\n")
    write_in_root(
        root,
        "etc/hosts",
        f"127.0.0.1 localhost\n127.0.1.1 {spec.name}.bblv {spec.name}\n"
        "::1 localhost ip6-localhost ip6-loopback\n",
    )


def write_ssh_keys(root: Path, keys: Sequence[str]) -> None:
    """Let these keys in as root; those that are there already go."""
    if keys:
        lines = "".join(f"{key.strip()}\n" for key in keys)
        write_in_root(root, "root/.ssh/authorized_keys", lines, mode=0o600)
