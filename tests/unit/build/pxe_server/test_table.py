"""What a person sees of the machines."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from edgelinux_build.pxe.server.display import LiveDisplay, PlainDisplay
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.machines import Machine, State
from edgelinux_build.pxe.server.outcome import exit_code, summary, verdict
from edgelinux_build.pxe.server.table import bar, duration, render
from rich.console import Console

HERE = Path(__file__).parent

MACHINES = (
    Machine(
        mac="52:54:00:00:00:01",
        hostname="edge1",
        serial="SRV-9",
        address="10.0.0.5",
        addresses=("192.0.2.7",),
        fingerprints=("SHA256:abc (ED25519)",),
        state=State.UP,
        taken=True,
        since=900,
        last=990,
        event="is up",
    ),
    Machine(
        mac="52:54:00:00:00:02",
        hostname="edge2",
        address="10.0.0.6",
        state=State.INSTALLING,
        taken=True,
        step="unpack the system",
        percent=43,
        since=940,
        last=998,
        event="progress: unpack the system",
        warning="token used twice: again from 10.0.0.66, given to 10.0.0.6",
    ),
    Machine(
        mac="52:54:00:00:00:03",
        address="10.0.0.7",
        state=State.FAILED,
        message="2 disks hold data: /dev/vda, /dev/vdb",
        step="disks",
        since=-3000,
        last=600,
        event="failed: 2 disks hold data",
    ),
    Machine(mac="52:54:00:00:00:04", address="10.0.0.8", state=State.NOTHING, since=980, last=980, event="x"),
)


def drawn(width: int, machines: tuple[Machine, ...] = MACHINES, warnings: tuple[str, ...] = ()) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(render(machines, warnings, 1000, width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_on_a_wide_terminal() -> None:
    assert (
        drawn(150, warnings=("two DHCP servers answer",)) == (HERE / "table-150.txt").read_text().splitlines()
    )


def test_on_80_columns() -> None:
    assert drawn(80) == (HERE / "table-80.txt").read_text().splitlines()


def test_no_machine_yet() -> None:
    assert drawn(80, ()) == ["No machine yet. Start one, and have it boot from the network."]


def test_nothing_that_a_terminal_acts_on_gets_there() -> None:
    nasty = Machine(
        mac="52:54:00:00:00:05",
        hostname="a\x1b[2J\x07b",
        serial="\x9b31m",
        state=State.FAILED,
        message="x\x1b]0;title\x07\ny",
        warning="[bold]\x1b",
    )
    for width in (80, 150):
        text = "\n".join(drawn(width, (nasty,)))
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "[bold]" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0:00"), (9.9, "0:09"), (605, "10:05"), (3600, "1:00:00"), (90061, "25:01:01")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("percent", "text"),
    [(None, ""), (0, "----------   0 %"), (59, "#####-----  59 %"), (100, "########## 100 %")],
)
def test_bars(percent: int | None, text: str) -> None:
    assert bar(percent) == text


def test_plain_lines(tmp_path: Path) -> None:
    out = io.StringIO()
    ledger = Ledger(tmp_path)
    PlainDisplay(ledger, out)
    ledger.dhcp("52:54:00:00:00:01", "10.0.0.5")
    ledger.dhcp("52:54:00:00:00:01", "10.0.0.5")
    ledger.warn("another DHCP server answers: 10.0.0.1")
    ledger.warn("another DHCP server answers: 10.0.0.1")
    ledger.warn("look at it", "52:54:00:00:00:01")
    ledger.dhcp("52:54:00:00:00:01", "10.0.0.5")
    assert [line.split(" ", 1)[1] for line in out.getvalue().splitlines()] == [
        "52:54:00:00:00:01 was given 10.0.0.5",
        "- warning: another DHCP server answers: 10.0.0.1",
        "52:54:00:00:00:01 warning: look at it",
        "52:54:00:00:00:01 was given 10.0.0.5",
    ]


def test_a_live_table(tmp_path: Path) -> None:
    out = io.StringIO()
    ledger = Ledger(tmp_path)
    display = LiveDisplay(ledger, Console(file=out, width=100, force_terminal=True))
    ledger.dhcp("52:54:00:00:00:01", "10.0.0.5")
    display.close()
    assert "52:54:00:00:00:01" in out.getvalue()


@pytest.mark.parametrize(
    ("states", "wanted", "up", "code"),
    [
        (("up", "installed"), 2, False, 0),
        (("up", "installed"), 2, True, None),
        (("up", "installed"), 3, False, None),
        (("up", "failed"), 1, False, 1),
        (("refused", "no kickstart"), 1, False, None),
        ((), 1, False, None),
    ],
)
def test_when_a_script_may_go_on(states: tuple[str, ...], wanted: int, up: bool, code: int | None) -> None:
    machines = [Machine(mac=f"52:54:00:00:00:0{n}", state=State(s), since=5) for n, s in enumerate(states)]
    assert verdict(machines, wanted, 5, up=up) == code
    # What an earlier run knew does not count.
    assert verdict(machines, wanted, 6, up=up) is None


def test_the_summary() -> None:
    assert summary(MACHINES, ("two DHCP servers answer",), 900, 1000, "--again MAC") == [
        "52:54:00:00:00:01 edge1: up for 1:40: ssh root@192.0.2.7",
        "    SHA256:abc (ED25519)",
        "52:54:00:00:00:02 edge2: installing for 1:00",
        "52:54:00:00:00:04: no kickstart for 0:20",
        "warning: two DHCP servers answer",
        "52:54:00:00:00:02 (edge2) warning: token used twice: again from 10.0.0.66, given to 10.0.0.6",
        "Machines that have read their kickstart boot from disk from now on (--again MAC: not so).",
    ]
    assert summary((), (), 0, 1000, "--again MAC") == ["No machine asked for anything."]
    assert exit_code(MACHINES, 900) == 0
    assert exit_code(MACHINES, -9000) == 1
