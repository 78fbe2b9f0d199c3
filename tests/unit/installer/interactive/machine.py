"""A recorded machine with a bit of everything, as the forms see it."""

from __future__ import annotations

from pathlib import Path

from edgelinux_installer import hardware
from edgelinux_installer.interactive.world import Card, World, places

from tests.unit.installer.conftest import make_image

__all__ = ["KEY", "make_world"]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@desk"


def make_world() -> World:
    recorded = hardware.load(Path(__file__).with_name("hardware.json"))
    machine = hardware.machine(recorded)
    drivers = {"eno1": "igb", "eno2": "igb"}
    return World(
        machine=machine,
        image=make_image(),
        cards=tuple(Card(nic.name, nic.mac, nic.carrier, drivers[nic.name]) for nic in machine.nics),
        timezones=(
            "America/New_York",
            "Etc/UTC",
            "Europe/Berlin",
            "Europe/Bern",
            "Europe/London",
            "Asia/Tokyo",
        ),
        keyboards=("ch", "de", "fr", "gb", "us"),
        places=tuple(places(recorded.disks.lsblk, machine.disks)),
        serial="ttyS0,115200",
    )
