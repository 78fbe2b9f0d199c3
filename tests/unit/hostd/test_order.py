"""The order in which antlets start with the host and stop with it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.order import start_order, stop_order
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.shutdown import stop_all

from tests.unit.hostd.world import FakeRuntime


def antlet(name: str, number: int, order: int, state: State, *, autostart: bool = True) -> Antlet:
    spec = AntletSpec(
        name=name,
        number=number,
        uuid=UUID(int=number),
        kind="lxc",
        ram=64,
        cpu=1,
        order=order,
        autostart=autostart,
    )
    return Antlet(name, number, str(spec.uuid), "antlets", f"antlets/{name}", Path("/"), "lxc", spec, state)


def test_antlets_start_by_order_then_number_and_only_those_that_shall() -> None:
    antlets = [
        antlet("late", 10, 200, State.STOPPED),
        antlet("second", 12, 1, State.STOPPED),
        antlet("first", 11, 1, State.STOPPED),
        antlet("runs", 13, 1, State.RUNNING),
        antlet("manual", 14, 1, State.STOPPED, autostart=False),
        Antlet("hurt", 15, "", "antlets", "antlets/hurt", Path("/"), "lxc", None, State.DAMAGED),
    ]
    assert start_order(antlets) == ("first", "second", "late")


def test_what_started_last_stops_first() -> None:
    antlets = [
        antlet("db", 10, 1, State.RUNNING),
        antlet("web", 11, 50, State.PAUSED),
        antlet("web2", 12, 50, State.RUNNING),
        antlet("off", 13, 1, State.STOPPED),
    ]
    assert [[one.name for one in group] for group in stop_order(antlets)] == [["web", "web2"], ["db"]]


def test_stopping_all_resumes_the_paused_and_says_who_had_to_be_forced() -> None:
    runtime = FakeRuntime("lxc")
    runtime.running = {"db": State.RUNNING, "web": State.PAUSED}
    antlets = [antlet("db", 10, 1, State.RUNNING), antlet("web", 11, 50, State.PAUSED)]
    assert stop_all(antlets, {"lxc": runtime}) == ()
    assert runtime.running == {}
    runtime.running = {"db": State.RUNNING}
    runtime.stubborn = True
    said = stop_all(antlets[:1], {"lxc": runtime}, patience=0)
    assert len(said) == 1
    assert "db: did not shut down" in said[0]
    assert runtime.running == {}
