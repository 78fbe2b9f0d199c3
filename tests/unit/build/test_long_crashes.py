"""What the crash series goes through, and how it is dealt out."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError

from tests.e2e.crashes import kinds
from tests.e2e.pictures import differences, orphans, tidied
from tests.long.crashes import CRASHES, deal_crashes, without_scenario
from tests.long.passed import Passed


def test_every_point_of_every_kind_is_tried() -> None:
    assert not without_scenario()
    assert {crash.point for crash in CRASHES} == {point for points in kinds().values() for point in points}
    assert len({crash.name for crash in CRASHES}) == len(CRASHES)


@pytest.mark.parametrize("count", [1, 3])
def test_shards_hold_every_crash_once(count: int) -> None:
    names = [crash.name for number in range(1, count + 1) for crash in deal_crashes((number, count))]
    assert sorted(names) == sorted(crash.name for crash in CRASHES)


def test_crashes_by_name() -> None:
    assert len(deal_crashes((1, 9), ["crashes"])) == len(CRASHES)
    assert {crash.scenario.name for crash in deal_crashes((1, 1), ["crashes/rename"])} == {"rename"}
    (one,) = deal_crashes((1, 1), ["crashes/rename/identify/undone"])
    assert one.point == "rename-antlet/identify/undone"
    with pytest.raises(EdgeLinuxError, match="no such case: crashes/none"):
        deal_crashes((1, 1), ["crashes/none"])


def test_what_passed_is_of_one_image(tmp_path: Path) -> None:
    first = Passed("one", tmp_path / "passed.json")
    first.add("a")
    first.add("b")
    first.add("a")
    assert first.names() == ["a", "b"]
    first.forget(["a"])
    assert first.names() == ["b"]
    assert Passed("two", first.path).names() == []


LOOK = """
== properties
antlets/crash1\tedgelinux:uuid\t0f8c1d3e-8a5b-4c6d-9e7f-0123456789ab
antlets/crash1@clone-20260101-101500\tedgelinux:job\t1e4661c7925e
== domains
== units
== runtime
== ports
== names
10.1.1.1 host.bblv host
10.1.1.240 antlet240.bblv antlet240 crash1.bblv crash1
"""
ANTLET = '{"dname": "crash1", "antlet-num": 240, "state": "Stopped"}'


def test_a_picture_is_without_what_differs_each_time() -> None:
    assert tidied(LOOK)["properties"] == (
        "antlets/crash1\tedgelinux:uuid\t<uuid>",
        "antlets/crash1@clone\tedgelinux:job\t<job>",
    )


def test_nothing_is_left_on_a_whole_host() -> None:
    assert orphans({**tidied(LOOK), "antlets": (ANTLET,)}) == []


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("properties", "antlets/crash1\tedgelinux:job\t1e4661c7925e", "dataset of a job"),
        ("domains", "crash1", "machine without antlet"),
        ("units", "antlet-lxc@crash1.service active running", "unit without antlet"),
        ("runtime", "/run/edgelinux/lxc/crash1", "configuration without antlet"),
        ("ports", "antlet240", "port without antlet"),
        ("names", "10.1.1.241 antlet241.bblv antlet241 crash2.bblv crash2", "name without antlet"),
    ],
)
def test_what_is_left_is_told(section: str, line: str, said: str) -> None:
    look = tidied(LOOK)
    look[section] = (*look[section], line)
    (first, *_) = orphans({**look, "antlets": (ANTLET,)})
    assert first.startswith(said)


def test_differences_name_section_and_line() -> None:
    assert differences({"a": ("1", "2")}, {"a": ("1", "3")}) == ["a: -2", "a: +3"]
