"""Each disk alone boots, with either firmware, whichever the pair was installed with."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.e2e.pair import Pair, surviving


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
        survivor.vm.poll()
