"""A machine's first configuration, as a NoCloud seed: a small FAT image labelled CIDATA.

https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html
"""

from __future__ import annotations

import ipaddress
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.run import run
from edgelinux_hostd.runtime.kvm.devices import SEED
from edgelinux_hostd.templates import template_file

__all__ = ["make_seed", "seed_files"]

# In KiB; what a seed holds fits many times.
_SIZE = "1024"


def seed_files(spec: AntletSpec) -> Mapping[str, str]:
    """Give the files of a seed by name. The SSH keys are root's and the template's own user's.

    cloud-init runs anew when the instance's id, the antlet's uuid, is another one: in each clone.
    """
    user: dict[str, Any] = {"disable_root": False}
    if spec.ssh_keys:
        user["ssh_authorized_keys"] = [key.strip() for key in spec.ssh_keys]
    cards = {f"card{card}": _card(spec.number, card, nic) for card, nic in enumerate(spec.nics)}
    return {
        "meta-data": _dump({"instance-id": str(spec.uuid), "local-hostname": spec.name}),
        "user-data": f"#cloud-config\n{_dump(user)}",
        "network-config": _dump({"version": 2, "ethernets": cards}),
    }


def _card(number: int, card: int, nic: Nic) -> dict[str, Any]:
    found: dict[str, Any] = {"match": {"macaddress": nic.mac or numbers.mac(number, card)}}
    if nic.address is None:
        return {**found, "dhcp4": True}
    found["addresses"] = [nic.address]
    if nic.gateway is not None:
        anywhere = "0.0.0.0/0" if ipaddress.ip_address(nic.gateway).version == 4 else "::/0"
        found["routes"] = [{"to": anywhere, "via": nic.gateway}]
    return found


def _dump(content: Mapping[str, Any]) -> str:
    # Long lines stay whole: keys are long, and easier to find that way.
    return yaml.safe_dump(dict(content), sort_keys=False, width=10_000)


def make_seed(directory: Path, spec: AntletSpec) -> None:
    """Write the seed of the antlet that is mounted at a directory, if its template asks for one.

    The seed is complete or as it was. Raises EdgeLinuxError.
    """
    if not template_file.load(directory).cloud_init:
        return
    image = directory / SEED
    with tempfile.TemporaryDirectory(prefix=".seed-", dir=image.parent) as scratch:
        made = Path(scratch) / "image"
        paths = []
        for name, text in seed_files(spec).items():
            path = Path(scratch) / name
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        run(["mkfs.vfat", "-C", "-n", "CIDATA", made, _SIZE])
        run(["mcopy", "-i", made, *paths, "::"])
        made.replace(image)
