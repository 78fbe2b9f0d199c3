"""What makes an antlet's root file system another than its template's: names, keys, what must not be shared.

Only for containers: machines get theirs from a cloud-init seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.antlets.files import remove_in_root, write_in_root
from edgelinux_hostd.antlets.spec import AntletSpec

__all__ = ["forget_identity", "write_identity", "write_ssh_keys"]


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


def forget_identity(root: Path) -> None:
    """Remove what no two systems may have in common: they make it anew when they start next.

    machine-id(5) stays as an empty file, which systemd fills without applying presets again.
    """
    write_in_root(root, "etc/machine-id", "")
    remove_in_root(root, "var/lib/dbus/machine-id")
    remove_in_root(root, "var/lib/systemd/random-seed")
    remove_in_root(root, "etc/ssh", "ssh_host_*")
    remove_in_root(root, "var/lib/dhcp", "*.leases")
    remove_in_root(root, "var/lib/systemd/network", "*")
