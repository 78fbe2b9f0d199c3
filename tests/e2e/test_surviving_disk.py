"""Each disk alone boots, with either firmware, whichever the pair was installed with."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.e2e.antlets import Antlets, eventually
from tests.e2e.pair import SLOTS, Pair, surviving


@pytest.mark.parametrize(
    ("pair", "slot", "firmware"),
    [
        ("uefi", 1, "bios"),
        ("uefi", 2, "uefi"),
        ("bios", 1, "uefi"),
        ("bios", 2, "bios"),
    ],
    indirect=["pair"],
)
def test_one_disk_boots_alone(pair: Pair, slot: int, firmware: Literal["uefi", "bios"]) -> None:
    with surviving(pair, slot, firmware) as survivor:
        host = survivor.host
        assert host.file("/sys/firmware/efi").exists == (firmware == "uefi")
        assert host.check_output("zpool list -H -o health antlets") == "DEGRADED"
        assert host.check_output("findmnt -no FSTYPE /") == "zfs"
        assert host.run("timeout 240 systemctl is-system-running --wait").stdout.strip() == "running"
        assert host.check_output("systemctl --failed --plain --no-legend") == ""
        assert "inet " in host.check_output("ip -4 addr show br0")
        assert host.file("/root/post-ran").exists
        # Written to, not only read from.
        assert host.run("echo alone > /root/alone && sync").rc == 0
        if pair.kind == "uefi":
            antlets_are_well(Antlets(host), stayed=slot == SLOTS[0])
        survivor.vm.poll()


def antlets_are_well(antlets: Antlets, *, stayed: bool) -> None:
    """After test_reboot_then_loss.py: on the disk that stayed, and on the one that was pulled out before."""
    eventually("jobs are over", lambda: antlets.call("GET", "/api/jobs?active=true") == (200, []), 240)
    for name in ("web1", "api1"):
        antlets.wait_for_state(name, "Running", 240)
    assert {"web1", "api1", "copy1"} <= set(antlets.all())
    # What was being made when the power failed is made or gone, and not in between.
    assert antlets.host.run("zfs get -rH -t filesystem -s local -o name edgelinux:job antlets").stdout == ""
    half = antlets.all().get("half1")
    assert half is None or (stayed and half["state"] == "Stopped")
    assert antlets.host.run("zfs list antlets/half1").rc == (1 if half is None else 0)
    if stayed:
        made = [one for one in antlets.ask("job", "list") if one["title"] == "create half1"]
        assert [one["final"] for one in made] == [True], made
        assert int(antlets.inside("web1", "wc -l < /root/written")) > 5
