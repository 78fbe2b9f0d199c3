"""The site of `make boot`: a host that installs itself in QEMU and that its builder can log in to.

`python -m edgelinux_build.demo DIR` makes an SSH key in DIR (once) and writes DIR/site.yaml beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from edgelinux_hostd.run import run

# QEMU forwards the SSH port to the loopback address only, and SSH takes no passwords.
CONSOLE_PASSWORD = "edgelinux"  # noqa: S105


def demo_site(public_key: str, password_hash: str) -> str:
    """The site file, as YAML: unattended, two virtual disks, one key and one console password for root."""
    site = {
        "hostname": "edge-demo",
        "unattended": True,
        "disks": {"count": 2, "wipe": True},
        "root": {"password_hash": password_hash, "ssh_keys": [public_key.strip()]},
    }
    return yaml.safe_dump(site, sort_keys=False)


def main(directory: Path) -> None:
    """Writes the key and the site file; what is there stays, so that an ISO built with it still fits."""
    directory.mkdir(parents=True, exist_ok=True)
    key = directory / "id_ed25519"
    site = directory / "site.yaml"
    if key.exists() and site.exists():
        return
    key.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "make boot", "-f", key])
    hashed = run(["openssl", "passwd", "-6", "-stdin"], stdin=CONSOLE_PASSWORD).stdout.strip()
    site.write_text(demo_site(key.with_suffix(".pub").read_text(), hashed))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
