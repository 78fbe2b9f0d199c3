"""What a server accepts as a report, and what senders make is that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from edgelinux_hostd.report.message import compose
from edgelinux_hostd.report.model import Machine, Report
from pydantic import ValidationError

MACHINE = {"macs": ("52:54:00:12:34:56",), "serial": "S1", "uuid": ""}


def test_what_senders_make_is_a_report() -> None:
    made = compose(
        "progress", MACHINE, hostname="edge1", step="Unpacking", percent=0, message="", seconds=None
    )
    assert "message" not in made
    report = Report.model_validate_json(json.dumps(made))
    assert report.machine == Machine(macs=("52:54:00:12:34:56",), serial="S1", uuid="")
    assert (report.event, report.hostname, report.step, report.percent) == (
        "progress",
        "edge1",
        "Unpacking",
        0,
    )
    assert (report.message, report.seconds) == ("", None)
    assert made["time"].endswith("Z")


def report(**changes: Any) -> Report:
    return Report.model_validate({"version": 1, "event": "up", "time": "2026-01-02T03:04:05Z"} | changes)


def test_a_later_sender_may_say_more() -> None:
    assert report(new=1, machine={"asset": "7"}).event == "up"


def test_texts_cannot_draw_on_the_screen() -> None:
    assert report(hostname="edge1\x1b[2J\r\n", message="two\nlines").hostname == "edge1 [2J"
    assert report(message="two\nlines").message == "two lines"


def test_machines_are_written_in_one_way() -> None:
    machine = report(machine={"macs": ["52:54:00:AA:BB:CC"], "uuid": "4C4C-AB"}).machine
    assert (machine.macs, machine.uuid) == (("52:54:00:aa:bb:cc",), "4c4c-ab")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"event": "explosion"},
        {"time": "yesterday"},
        {"percent": 101},
        {"seconds": -1},
        {"machine": {"macs": ["eth0"]}},
        {"hostname": "x" * 400},
        {"addresses": ["192.0.2.1"] * 300},
    ],
)
def test_what_is_no_report(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        report(**changes)
