"""Reports in the background: order, retries, what is dropped, and that nobody waits for them for long."""

from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report import sender as sender_module
from edgelinux_hostd.report.message import compose
from edgelinux_hostd.report.model import Report
from edgelinux_hostd.report.sender import Sender
from edgelinux_hostd.report.target import Outcome, Target, deliver

from tests.unit.hostd.report.server import make_certificate, serving

# Nothing listens on it: it is privileged and no service's.
NOBODY = "http://127.0.0.1:1/"


def of(event: Any, **known: Any) -> dict[str, Any]:
    return compose(event, {"macs": ("52:54:00:12:34:56",)}, **known)


def told_of(url: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of one server: another test's may still be waited for."""
    return [line for line in caplog.messages if url.split("/")[2] in line]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_FIRST_DELAY", 0.02)
    monkeypatch.setattr(sender_module, "_DELAY_AT_THE_END", 0.02)


def test_reports_arrive_in_order_and_are_reports() -> None:
    with serving() as server:
        sender = Sender(Target.of(server.url, token="once"))
        sender.send(of("start", hostname="edge1"))
        sender.send(of("success", seconds=12.5))
        assert sender.close(10)
    assert server.events == ["start", "success"]
    assert [Report.model_validate_json(one.body).event for one in server.asked] == ["start", "success"]
    assert {one.headers["Authorization"] for one in server.asked} == {"Bearer once"}
    assert {one.headers["Content-Type"] for one in server.asked} == {"application/json"}


def test_a_server_in_trouble_is_asked_again() -> None:
    with serving() as server:
        server.statuses = [503, 500, 200]
        sender = Sender(Target.of(server.url))
        sender.send(of("start"))
        assert sender.close(10)
    assert server.events == ["start"] * 3


def test_what_the_server_refuses_is_final(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as server, caplog.at_level(logging.WARNING):
        server.statuses = [403]
        sender = Sender(Target.of(server.url))
        sender.send(of("start"))
        sender.send(of("success"))
        sender.close(10)
    assert server.events == ["start", "success"]
    assert told_of(server.url, caplog) == [f"not reported: {server.url}: 403 Forbidden"]


def test_of_progress_only_the_newest_is_sent() -> None:
    with serving() as server:
        sender = Sender(Target.of(server.url))
        sender.send(of("start"))
        for percent in range(100):
            sender.send(of("progress", percent=percent))
        sender.send(of("success"))
        assert sender.close(10)
    events = server.events
    assert (events[0], events[-1]) == ("start", "success")
    assert events.count("progress") <= 1


def test_progress_is_sent_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_BETWEEN_PROGRESS", 0.2)
    sent: list[tuple[float, int]] = []

    def note(target: Target, report: Mapping[str, Any], timeout: float) -> Outcome:
        sent.append((time.monotonic(), report["percent"]))
        return Outcome("taken")

    sender = Sender(Target.of(NOBODY), deliver=note)
    for percent in range(50):
        sender.send(of("progress", percent=percent))
        time.sleep(0.01)
    sender.close(10)
    assert all(later - before >= 0.19 for (before, _), (later, _) in itertools.pairwise(sent[:-1]))
    assert sent[-1][1] == 49


def test_nobody_there_is_told_once_and_costs_what_was_allowed(caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender(Target.of(NOBODY))
    with caplog.at_level(logging.WARNING):
        began = time.monotonic()
        for event in ("start", "progress", "failure"):
            sender.send(of(event))
        assert time.monotonic() - began < 0.5
        assert not sender.close(0.5)
        assert time.monotonic() - began < 5
    assert told_of(NOBODY, caplog) == [
        f"not reported: {NOBODY}: Connection refused",
        f"not everything was reported to {NOBODY}: no time is left",
    ]


def test_a_server_that_hangs_is_waited_for_in_a_bounded_time() -> None:
    with serving() as server:
        server.hang = 60
        sender = Sender(Target.of(server.url))
        began = time.monotonic()
        sender.send(of("start"))
        sender.send(of("success"))
        assert not sender.close(0.5)
        assert time.monotonic() - began < 5


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_a_wrong_certificate_is_one_line_and_no_second_attempt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(make_certificate(tmp_path)) as server, caplog.at_level(logging.WARNING):
        sender = Sender(Target.of(server.url, "ab" * 32, "secret"))
        sender.send(of("start"))
        sender.send(of("failure"))
        sender.close(10)
    assert server.asked == []
    (line,) = told_of(server.url, caplog)
    assert "has another certificate than the expected one" in line
    assert "secret" not in line


def test_a_defect_of_ours_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise KeyError("broken")

    monkeypatch.setattr("edgelinux_hostd.report.target.open_url", broken)
    assert deliver(Target.of(NOBODY), of("start"), 1.0).state == "refused"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("ftp://server/",), "is not an http or https URL"),
        (("https://server/", "abc"), "is not the SHA-256 of a certificate"),
        (("http://server/", "ab" * 32), "has no certificate to be checked"),
        (("https://server/", "", "two words"), "the token is not one word"),
        (("https://server/", "", "line\nbreak"), "the token is not one word"),
    ],
)
def test_targets_that_cannot_be(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(EdgeLinuxError, match=said) as raised:
        Target.of(*given)
    assert "words" not in str(raised.value)


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Target.of("http://server/", token="secret"))
