"""A disk is pulled out while an antlet writes, then the power fails while another antlet is being made.

What is left is looked at in test_surviving_disk.py, on the disk that stayed.
"""

from __future__ import annotations

import pytest

from tests.e2e.antlets import Antlets, eventually
from tests.e2e.pair import SLOTS, Pair

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)

# QEMU's q35 unplugs nothing from its root bus, so the guest's kernel is told to let go of the disk: for all
# above the driver it is gone.
PULL = r"""
serial=$(grep -l '^edgelinux-disk{slot} *$' /sys/class/nvme/nvme*/serial)
echo 1 > "$(realpath "${{serial%/serial}}/device")/remove"
"""
WRITER = "while :; do date +%s%N >> /root/written; sync; sleep 0.2; done"


def test_an_antlet_writes_on_when_a_disk_is_pulled_out(antlets: Antlets, web1: str) -> None:
    antlets.wait_for_ssh(web1)
    antlets.inside(web1, f"systemd-run --unit=writer /bin/sh -c '{WRITER}'")

    def written() -> int:
        return int(antlets.attached(web1, "wc -l < /root/written").stdout or 0)

    eventually("the writer", lambda: written() > 2, 60)
    pulled = antlets.host.run(PULL.format(slot=SLOTS[1]))
    assert pulled.rc == 0, pulled.stderr
    eventually(
        "the pool is degraded",
        lambda: antlets.host.check_output("zpool list -H -o health antlets") == "DEGRADED",
        180,
    )
    before = written()
    eventually("it writes on", lambda: written() > before + 2, 60)
    assert antlets.state(web1) == "Running"

    warnings = antlets.ask("pool", "status", "antlets")["warnings"]
    assert [one["level"] for one in warnings if one["kind"] == "health"] == ["warning"]
    assert "DEGRADED" in antlets.antlet("pool", "status", "antlets").stdout
    assert "warning: pool antlets is DEGRADED" in antlets.antlet("pool", "list").stderr


def test_the_power_fails_while_an_antlet_is_being_made(pair: Pair, antlets: Antlets) -> None:
    """hostd is stopped half-way first, so that it is half-way whenever the power fails."""
    host = antlets.host
    host.check_output(
        "mkdir -p /run/systemd/system/hostd.service.d && "
        "printf '[Service]\\nRestart=no\\n' > /run/systemd/system/hostd.service.d/test.conf && "
        "systemctl daemon-reload && mkdir -m 700 -p /run/edgelinux/faults && "
        "echo create-antlet/clone/begun > /run/edgelinux/faults/kill-at"
    )
    wanted = {"dname": "half1", "template": "debian-13.lxc"}
    status, job = antlets.call("POST", "/api/antlets", wanted, "Prefer: respond-async")
    assert (status, job["final"]) == (202, False)
    eventually("hostd is dead", lambda: host.run("systemctl is-failed hostd").rc == 0, 120)
    assert host.check_output("zfs get -H -o value edgelinux:job antlets/half1") == job["id"]
    host.check_output("sync")
    pair.crash()
