"""A host that was installed over the network: what its server saw of it, and what it did with its secrets."""

from __future__ import annotations

import pytest

from tests.e2e.netboot import CARD, NetworkBoot
from tests.e2e.pair import Pair
from tests.e2e.sites import HOSTNAME

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)


@pytest.fixture
def served(pair: Pair) -> NetworkBoot:
    pair.running()
    assert pair.served is not None
    return pair.served


def test_the_server_followed_it_until_it_was_up(served: NetworkBoot, pair: Pair) -> None:
    machine = served.wait_for("up", 300)
    assert machine["hostname"] == HOSTNAME
    assert machine["kickstart"] == CARD.replace(":", "-")
    events = [event["event"] for event in served.events()]
    assert {"dhcp", "boot", "kernel", "medium", "kickstart", "report"} <= set(events)
    said = served.said.read_text()
    steps = [said.index(text) for text in ("progress: Writing the system", "is installed\n", "is up\n")]
    assert steps == sorted(steps)
    assert not machine["warning"]
    _, host = pair.running()
    assert any(address in host.check_output("ip -4 -o addr") for address in machine["addresses"])
    keys = host.check_output("for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done")
    assert machine["fingerprints"]
    assert all(fingerprint.split()[0] in keys for fingerprint in machine["fingerprints"])


def test_it_was_sent_to_its_disk_once_it_was_installed(served: NetworkBoot) -> None:
    """The network is first in its boot order: it asked again after the installation."""
    boots = [event for event in served.events() if event["event"] == "boot"]
    assert len(boots) >= 2
    assert "not installed again" in boots[-1]["text"]


def test_its_kickstart_cannot_be_read_again(served: NetworkBoot, pair: Pair) -> None:
    """The host has the token no more, and it would be good for nothing."""
    _, host = pair.running()
    assert not host.file("/etc/edgelinux/notify.json").exists
    token = next(
        word.removeprefix("edgelinux.token=")
        for _, line in pair.running()[0].lines
        for word in line.split()
        if word.startswith("edgelinux.token=")
    )
    headers = ["-H", f"Authorization: Bearer {token}", "-H", f"X-RHN-Provisioning-MAC-0: eth0 {CARD}"]
    url = f"https://{served.net.address}:8443/ks"
    command = ["curl", "-k", "-s", "-o", "/dev/null", "-w", "%{http_code}", *headers, url]
    # From the host itself, which has the same address as when it was installed.
    answer = host.run(" ".join(f"'{word}'" for word in command)).stdout
    assert answer == "410"
    kept = (served.state / "server/events.jsonl").read_text() + (
        served.state / "server/machines.json"
    ).read_text()
    assert token not in kept
    assert "ssh-ed25519" not in kept


def test_nobody_else_gets_it(served: NetworkBoot) -> None:
    url = f"https://{served.net.address}:8443/ks"
    command = ["curl", "-k", "-s", "-o", "/dev/null", "-w", "%{http_code}", url]
    assert served.net.run(*command, "-H", f"X-RHN-Provisioning-MAC-0: eth0 {CARD}") == "403"


def test_the_state_is_the_servers_own(served: NetworkBoot) -> None:
    for name in ("machines.json", "events.jsonl"):
        assert (served.state / "server" / name).stat().st_mode & 0o077 == 0
