"""What an installation reports, to whom, and what the new host is left with. The servers are real."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo
from edgelinux_hostd.report.model import Report
from edgelinux_hostd.report.target import Target
from edgelinux_installer import reporting
from edgelinux_installer.identity import Identity
from edgelinux_installer.kickstart import Kickstart, read_kickstart
from edgelinux_installer.plan import Machine, make_plan
from edgelinux_installer.progress import Progress
from edgelinux_installer.reporting import Reporter, boot_targets, leave_for_first_boot, targets

from tests.unit.hostd.report.server import Server, serving

MACHINE = Identity.of(["52:54:00:12:34:56"], "S7X1", "6b2c9a0e-0000-4000-8000-000000000001")
PIN = "ab" * 32


def kickstart(*notify: str) -> Kickstart:
    addon = ["%addon edgelinux_notify", *notify, "%end"] if notify else []
    return read_kickstart("\n".join(["network --hostname=edge1", "halt", *addon, ""]), "ks.cfg")


def percents(server: Server) -> list[int | None]:
    return [asked.json.get("percent") for asked in server.asked]


def reporter(command_line: str, said: list[str] | None = None) -> Reporter:
    return Reporter(command_line, (said if said is not None else []).append, machine=lambda: MACHINE)


def test_a_whole_installation(machine: Machine, image: ImageInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgelinux_hostd.report.sender._BETWEEN_PROGRESS", 0.01)
    with serving() as boot, serving() as site:
        one = reporter(f"quiet edgelinux.notify={boot.url} edgelinux.token=once")
        ks = kickstart(f"url = {site.url}", "token = always")
        one.read(ks)
        one.begin(make_plan(ks, machine, image))
        progress = Progress([1, 1], lambda line: None, tell=one.progress)
        progress.begin("Erasing the disks")
        progress.begin("Unpacking the system")
        progress.fraction(0.5)
        end = time.monotonic() + 20
        while any(75 not in percents(server) for server in (boot, site)) and time.monotonic() < end:
            time.sleep(0.02)
        one.succeed()
    for server, token in ((boot, "once"), (site, "always")):
        reports = [Report.model_validate_json(asked.body) for asked in server.asked]
        assert (reports[0].event, reports[-1].event) == ("start", "success")
        for report in reports:
            assert (report.hostname, report.product, report.image) == ("edge1", image.product, image.version)
            assert report.machine.macs == MACHINE.macs
            assert (report.machine.serial, report.machine.uuid) == (MACHINE.serial, MACHINE.uuid)
        latest = reports[-2]
        assert (latest.step, latest.percent) == ("Unpacking the system", 75)
        assert latest.message == "Unpacking the system: 50%"
        assert reports[-1].seconds is not None
        assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {token}"}


def test_a_failure_before_there_is_a_kickstart() -> None:
    with serving() as server:
        one = reporter(f"edgelinux.notify={server.url}")
        one.fail(EdgeLinuxError("cannot fetch the kickstart", hint="check inst.ks="))
    (asked,) = server.asked
    report = Report.model_validate_json(asked.body)
    assert report.event == "failure"
    assert report.message == "cannot fetch the kickstart (check inst.ks=)"
    assert report.machine.serial == "S7X1"


def test_a_failure_once_the_kickstart_is_read_is_told_to_its_server() -> None:
    with serving() as server:
        one = reporter("quiet")
        one.read(kickstart(f"url = {server.url}"))
        one.fail(EdgeLinuxError("2 disk(s) are asked for and 1 can be taken"))
    assert [asked.json["hostname"] for asked in server.asked] == ["edge1"]


def test_nobody_to_tell(machine: Machine, image: ImageInfo) -> None:
    one = Reporter("quiet", pytest.fail, machine=lambda: pytest.fail("looked at the machine for nothing"))
    one.begin(make_plan(kickstart(), machine, image))
    one.progress("Erasing the disks", 1, "Erasing the disks")
    one.succeed()


def test_an_unreachable_server_is_one_line_and_the_installation_goes_on(
    machine: Machine, image: ImageInfo, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "_AT_THE_END_SECONDS", 0.2)
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        one = reporter("edgelinux.notify=http://127.0.0.1:1/")
        one.begin(make_plan(kickstart(), machine, image))
        for percent in range(100):
            one.progress("Unpacking the system", percent, "Unpacking the system")
        one.succeed()
    assert time.monotonic() - began < 5
    refused = [line for line in caplog.messages if "Connection refused" in line]
    assert refused == ["not reported: http://127.0.0.1:1/: Connection refused"]


def test_two_servers_that_hang_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_AT_THE_END_SECONDS", 0.5)
    with serving() as boot, serving() as site:
        boot.hang = site.hang = 60
        one = reporter(f"edgelinux.notify={boot.url}")
        one.read(kickstart(f"url = {site.url}"))
        began = time.monotonic()
        one.fail(EdgeLinuxError("it broke"))
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("command_line", "said"),
    [
        ("edgelinux.notify=ftp://boot/", "'ftp://boot/' is not an http or https URL (http://… or https://…)"),
        ("edgelinux.notify=https://boot/ edgelinux.cert=abc", "'abc' is not the SHA-256 of a certificate"),
        ('edgelinux.notify="http://boot/', "is not an http or https URL"),
    ],
)
def test_a_command_line_that_cannot_be_is_told_and_the_kickstart_still_counts(
    command_line: str, said: str
) -> None:
    lines: list[str] = []
    with serving() as server:
        one = reporter(command_line, lines)
        one.read(kickstart(f"url = {server.url}"))
        one.fail(EdgeLinuxError("it broke"))
    assert server.events == ["failure"]
    (line,) = lines
    assert said in line


def test_a_defect_in_reporting_does_not_stop_an_installation(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Identity:
        raise KeyError("broken")

    one = Reporter("edgelinux.notify=http://127.0.0.1:1/", machine=broken)
    one.fail(EdgeLinuxError("it broke"))
    assert "reporting" in caplog.messages


def test_the_command_lines_certificate_and_token() -> None:
    line = f"edgelinux.notify=https://boot/r edgelinux.cert={PIN} edgelinux.token=once"
    assert boot_targets(line) == (Target("https://boot/r", PIN, "once"),)
    assert boot_targets("edgelinux.token=once") == ()
    # Plain http beside a kickstart from https.
    line = f"inst.ks=https://boot/ks edgelinux.notify=http://log/r edgelinux.cert={PIN}"
    assert boot_targets(line) == (Target("http://log/r"),)


def test_a_kickstart_that_reports_to_its_own_server_need_not_repeat_the_token() -> None:
    line = f"inst.ks=https://boot/ks edgelinux.cert={PIN} edgelinux.token=once"
    assert targets(line, kickstart("url = https://BOOT:443/report")) == (
        Target("https://BOOT:443/report", PIN, "once"),
    )
    own = kickstart("url = https://boot/report", f"cert = {'cd' * 32}", "token = own")
    assert targets(line, own) == (Target("https://boot/report", "cd" * 32, "own"),)


@pytest.mark.parametrize("elsewhere", ["https://other/report", "http://boot/report", "https://boot:8443/r"])
def test_no_other_server_gets_the_token(elsewhere: str) -> None:
    line = f"inst.ks=https://boot/ks edgelinux.cert={PIN} edgelinux.token=once"
    assert targets(line, kickstart(f"url = {elsewhere}")) == (Target(elsewhere),)


def test_one_url_in_both_places_is_told_once() -> None:
    line = "edgelinux.notify=http://boot/r edgelinux.token=once"
    assert targets(line, kickstart("url = http://boot/r")) == (Target("http://boot/r", "", "once"),)


def left(root: Path) -> dict[str, Any]:
    path = root / "etc/edgelinux/notify.json"
    assert path.stat().st_mode & 0o777 == 0o600
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_what_the_new_host_is_left_with(tmp_path: Path) -> None:
    leave_for_first_boot(
        tmp_path, "edgelinux.notify=http://boot/r edgelinux.token=once", kickstart(), MACHINE
    )
    assert left(tmp_path) == {
        "machine": {"macs": ["52:54:00:12:34:56"], "serial": "S7X1", "uuid": MACHINE.uuid},
        "targets": [{"url": "http://boot/r", "cert": "", "token": "once"}],
    }


@pytest.mark.parametrize("command_line", ["quiet", "edgelinux.notify=ftp://boot/"])
def test_nothing_is_left_where_nobody_is_to_be_told(tmp_path: Path, command_line: str) -> None:
    leave_for_first_boot(tmp_path, command_line, kickstart(), MACHINE)
    assert list(tmp_path.iterdir()) == []
