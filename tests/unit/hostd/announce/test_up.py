"""The report that a new host is up: sent once, tried for hours and over restarts; nothing of it is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.announce.facts import Facts
from edgelinux_hostd.announce.up import ATTEMPTS, delay, report_up
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.model import Report
from edgelinux_hostd.report.target import Outcome, Target

from tests.unit.hostd.report.server import serving

FACTS = Facts(
    version="2.1.0",
    hostname="edge1",
    addresses={"br0": ("192.0.2.10",)},
    fingerprints=("SHA256:abc (ED25519)",),
)
LATER = Outcome("later", "http://boot/: Connection refused")


def leave(root: Path, *urls: str) -> Path:
    path = root / "etc/edgelinux/notify.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    targets = [{"url": url, "cert": "", "token": "once"} for url in urls]
    machine = {"macs": ["52:54:00:12:34:56"], "serial": "S7X1", "uuid": ""}
    path.write_text(json.dumps({"machine": machine, "targets": targets}))
    return path


class World:
    """Delivers as it is told to, and notes what is said and waited."""

    def __init__(self, root: Path, outcomes: list[Outcome]) -> None:
        self.root = root
        self.outcomes = outcomes
        self.sent: list[str] = []
        self.said: list[str] = []
        self.waits: list[float] = []
        self.facts = FACTS
        self.restart_after = ATTEMPTS + 1

    def deliver(self, target: Target, report: Mapping[str, Any], timeout: float) -> Outcome:
        self.sent.append(target.url)
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self.restart_after:
            raise KeyboardInterrupt

    def run(self) -> None:
        report_up(
            self.root, gather=lambda: self.facts, deliver=self.deliver, sleep=self.sleep, say=self.said.append
        )


def test_it_is_delivered_and_nothing_is_left(tmp_path: Path) -> None:
    with serving() as server:
        left = leave(tmp_path, server.url)
        report_up(tmp_path, gather=lambda: FACTS)
    (asked,) = server.asked
    report = Report.model_validate_json(asked.body)
    assert (report.event, report.hostname, report.image) == ("up", "edge1", "2.1.0")
    assert (report.addresses, report.fingerprints) == (("192.0.2.10",), ("SHA256:abc (ED25519)",))
    assert (report.machine.macs, report.machine.serial) == (("52:54:00:12:34:56",), "S7X1")
    assert asked.headers["Authorization"] == "Bearer once"
    assert not left.exists()
    assert "once" not in (tmp_path / "var/lib/edgelinux/reported-up.json").read_text()


def test_it_is_sent_once_for_an_installation(tmp_path: Path) -> None:
    world = World(tmp_path, [Outcome("taken")])
    leave(tmp_path, "http://boot/")
    world.run()
    # As another boot environment may still have it.
    left = leave(tmp_path, "http://boot/")
    world.run()
    assert world.sent == ["http://boot/"]
    assert not left.exists()


def test_a_server_that_is_away_is_asked_for_hours_and_then_the_token_goes(tmp_path: Path) -> None:
    world = World(tmp_path, [LATER])
    left = leave(tmp_path, "http://boot/")
    world.run()
    assert len(world.sent) == ATTEMPTS
    assert world.waits[:4] == [5, 10, 20, 40]
    assert max(world.waits) == 600
    assert sum(world.waits) > 6 * 3600
    assert world.said == [
        "not reported yet: http://boot/: Connection refused",
        f"not reported to http://boot/: given up after {ATTEMPTS} attempts",
    ]
    assert not left.exists()


def test_attempts_go_on_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, [LATER])
    world.restart_after = 6
    leave(tmp_path, "http://boot/")
    with pytest.raises(KeyboardInterrupt):
        world.run()
    world.restart_after = ATTEMPTS + 1
    world.outcomes = [LATER, Outcome("taken")]
    world.run()
    assert world.waits == [delay(attempt) for attempt in range(1, 8)]


def test_of_two_servers_each_is_told_once(tmp_path: Path) -> None:
    world = World(tmp_path, [Outcome("taken"), LATER, LATER, Outcome("taken")])
    left = leave(tmp_path, "http://boot/", "http://log/")
    world.run()
    assert world.sent == ["http://boot/", "http://log/", "http://log/", "http://log/"]
    assert not left.exists()


def test_a_refusal_is_final(tmp_path: Path) -> None:
    world = World(tmp_path, [Outcome("refused", "http://boot/: 403 Forbidden")])
    left = leave(tmp_path, "http://boot/")
    world.run()
    assert world.said == ["not reported: http://boot/: 403 Forbidden"]
    assert not left.exists()


def test_it_waits_for_an_address(tmp_path: Path) -> None:
    world = World(tmp_path, [Outcome("taken")])
    world.facts = Facts(hostname="edge1")
    world.restart_after = 2
    leave(tmp_path, "http://boot/")
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert (world.sent, world.said) == ([], ["not reported yet: this host has no address yet"])


def test_what_was_left_is_damaged(tmp_path: Path) -> None:
    leave(tmp_path).write_text("{")
    with pytest.raises(EdgeLinuxError, match=r"cannot read .*notify\.json.*\(remove it"):
        report_up(tmp_path)


def test_nothing_was_left(tmp_path: Path) -> None:
    world = World(tmp_path, [Outcome("taken")])
    world.run()
    assert world.sent == []
