"""How far machines are, and what they boot: whatever happens, in whatever order."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from edgelinux_build.pxe.server import transitions
from edgelinux_build.pxe.server.machines import Decision, Machine, State, decide
from edgelinux_build.pxe.server.tokens import (
    Limits,
    Token,
    check_kickstart,
    check_report,
    hash_token,
    new_token,
)
from edgelinux_hostd.report.model import Report
from edgelinux_installer.identity import Identity
from hypothesis import given, settings
from hypothesis import strategies as st

MAC = "52:54:00:00:00:01"
LIMITS = Limits(1800, 86400)


def make_report(event: str, **known: Any) -> Report:
    time = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    return Report.model_validate({"version": 1, "event": event, "time": time, **known})


def make_token(address: str = "10.0.0.5", issued: float = 1.0) -> Token:
    return Token(hash="ab" * 32, address=address, issued=issued)


def offered(machine: Machine, now: float, *, again: bool = False) -> Machine:
    return transitions.offered(machine, now, make_token(issued=now), "installed", again=again)


def test_the_whole_way_of_a_machine() -> None:
    machine = transitions.heard(Machine(mac=MAC), 1, "was given 10.0.0.5", "10.0.0.5")
    states = [machine.state]
    up = make_report("up", hostname="edge1", addresses=["10.0.0.9"], fingerprints=["SHA256:x"])
    steps: list[Callable[[Machine], Machine]] = [
        lambda m: transitions.loading(m, 2, "grub/x86_64-efi/core.efi", "10.0.0.5"),
        lambda m: offered(m, 3),
        lambda m: transitions.kernel(m, 4),
        lambda m: transitions.medium(m, 5, 40, "fetches the system"),
        lambda m: transitions.given(m, 6, "default"),
        lambda m: transitions.reported(m, 7, make_report("start")),
        lambda m: transitions.reported(m, 8, make_report("progress", step="unpack", percent=50)),
        lambda m: transitions.reported(m, 9, make_report("success")),
        lambda m: transitions.reported(m, 10, up),
    ]
    for step in steps:
        machine = step(machine)
        states.append(machine.state)
    assert states == [
        *(State.SEEN, State.LOADING, State.LOADING, State.BOOTING, State.MEDIUM, State.GIVEN),
        *(State.INSTALLING, State.INSTALLING, State.INSTALLED, State.UP),
    ]
    assert (machine.hostname, machine.addresses) == ("edge1", ("10.0.0.9",))
    assert machine.fingerprints == ("SHA256:x",)
    assert (machine.since, machine.last) == (10, 10)


def test_the_time_of_a_state_is_when_it_began() -> None:
    machine = offered(Machine(mac=MAC), 3)
    machine = transitions.medium(transitions.kernel(machine, 4), 5, 0, "fetches the system")
    machine = transitions.medium(machine, 9, 80, "fetches the system")
    assert (machine.since, machine.last, machine.percent) == (5, 9, 80)


@pytest.mark.parametrize(
    ("machine", "known", "again", "install", "reason"),
    [
        (Machine(mac=MAC), True, False, True, "has a kickstart here"),
        (Machine(mac=MAC), None, False, True, "asks for its kickstart by serial number or UUID"),
        (Machine(mac=MAC), False, False, False, "no kickstart for this machine"),
        (Machine(mac=MAC), False, True, False, "no kickstart for this machine"),
        (Machine(mac=MAC, state=State.GIVEN, taken=True), True, False, False, "was given its kickstart"),
        (Machine(mac=MAC, state=State.INSTALLING, taken=True), True, False, False, "an installation began"),
        (Machine(mac=MAC, state=State.INSTALLED, taken=True), True, False, False, "is installed"),
        (Machine(mac=MAC, state=State.UP, taken=True), None, False, False, "is installed"),
        (Machine(mac=MAC, state=State.UP, taken=True), True, True, True, "installed again, as asked for"),
        (Machine(mac=MAC, state=State.FAILED), True, False, True, "tried again after a failure"),
    ],
)
def test_what_a_machine_boots(
    machine: Machine, known: bool | None, again: bool, install: bool, reason: str
) -> None:
    decision = decide(machine, known, again=again)
    assert decision.install is install
    assert decision.reason.startswith(reason)


def test_a_failure_can_be_tried_again_and_forgets_the_last_one() -> None:
    machine = transitions.given(offered(Machine(mac=MAC), 1), 2, "default")
    machine = transitions.reported(machine, 3, make_report("failure", message="disk is gone", step="pool"))
    assert (machine.state, machine.message, machine.step) == (State.FAILED, "disk is gone", "pool")
    assert decide(machine, True, again=False).install
    machine = offered(machine, 4)
    assert (machine.state, machine.message, machine.step) == (State.LOADING, "", "")


def test_what_comes_late_takes_no_machine_back() -> None:
    installed = transitions.reported(Machine(mac=MAC), 1, make_report("success"))
    for event in ("start", "progress", "failure"):
        assert transitions.reported(installed, 2, make_report(event)).state is State.INSTALLED
    failed = transitions.reported(Machine(mac=MAC), 1, make_report("failure", message="no disks"))
    assert transitions.reported(failed, 2, make_report("progress", step="pool")).message == "no disks"


def test_a_refusal_of_a_running_host_is_a_warning_only() -> None:
    up = transitions.reported(Machine(mac=MAC), 1, make_report("up"))
    refused = transitions.refused(up, 2, "token expired")
    assert (refused.state, refused.warning) == (State.UP, "refused: token expired")
    assert transitions.refused(Machine(mac=MAC), 2, "token expired").state is State.REFUSED


def test_a_token_used_twice_stays_in_sight() -> None:
    machine = transitions.given(offered(Machine(mac=MAC), 1), 2, "default")
    machine = transitions.used_twice(machine, 3, "token used twice: again from 10.0.0.66")
    for event in ("progress", "success", "up"):
        machine = transitions.reported(machine, 4, make_report(event))
    assert machine.warning == (
        "token used twice: again from 10.0.0.66 (somebody else may have read its kickstart)"
    )


# Whatever anybody on the network can make happen, and what only the machine can, with its token.
STEPS: dict[str, Any] = {
    "dhcp": lambda m, now: transitions.heard(m, now, "asked for an address", "10.0.0.5"),
    "tftp": lambda m, now: transitions.loading(m, now, "grub.cfg", "10.0.0.5"),
    "kernel": lambda m, now: transitions.kernel(m, now),
    "medium": lambda m, now: transitions.medium(m, now, 10, "fetches the system"),
    "nothing": lambda m, now: transitions.nothing(m, now),
    "refused": lambda m, now: transitions.refused(m, now, "wrong token"),
    "twice": lambda m, now: transitions.used_twice(m, now, "token used twice"),
    "warned": lambda m, now: transitions.warned(m, now, "two addresses"),
    "identified": lambda m, now: transitions.identified(m, Identity((MAC,), "S1", "")),
    "disk": lambda m, now: transitions.sent_to_disk(m, now, Decision(False, "none"), "10.0.0.5"),
    "start": lambda m, now: transitions.reported(m, now, make_report("start")),
    "progress": lambda m, now: transitions.reported(m, now, make_report("progress", percent=3)),
    "success": lambda m, now: transitions.reported(m, now, make_report("success")),
    "up": lambda m, now: transitions.reported(m, now, make_report("up")),
    "failure": lambda m, now: transitions.reported(m, now, make_report("failure", message="x")),
    "given": lambda m, now: transitions.given(m, now, "default"),
}
NO_REPORTS = sorted(set(STEPS) - {"start", "progress", "success", "up", "failure", "given"})


@settings(max_examples=200)
@given(st.lists(st.sampled_from(NO_REPORTS), max_size=12))
def test_nothing_but_a_failure_has_a_machine_installed_again(steps: list[str]) -> None:
    machine = transitions.given(offered(Machine(mac=MAC), 1), 2, "default")
    for now, name in enumerate(steps, 3):
        machine = STEPS[name](machine, float(now))
        assert not decide(machine, True, again=False).install
        assert machine.state is State.GIVEN


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(sorted(set(STEPS) - {"given"})), max_size=12), st.sampled_from(["success", "up"])
)
def test_an_installed_host_is_never_installed_again_by_itself(steps: list[str], done: str) -> None:
    machine = STEPS[done](transitions.given(offered(Machine(mac=MAC), 1), 2, "default"), 3.0)
    for now, name in enumerate(steps, 4):
        machine = STEPS[name](machine, float(now))
        assert not decide(machine, True, again=False).install
        assert machine.state in (State.INSTALLED, State.UP)
    assert decide(machine, True, again=True).install


@settings(max_examples=200)
@given(st.lists(st.sampled_from([*sorted(STEPS), "offered"]), max_size=20))
def test_whatever_happens_is_kept_and_read_back(steps: list[str]) -> None:
    machine = Machine(mac=MAC)
    for now, name in enumerate(steps, 1):
        machine = offered(machine, now) if name == "offered" else STEPS[name](machine, float(now))
        assert machine.since <= machine.last
        assert machine.taken or machine.state not in (State.GIVEN, State.INSTALLED, State.UP)
    assert Machine.model_validate_json(machine.model_dump_json()) == machine


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {48}
    assert len({hash_token(token) for token in tokens} & tokens) == 0


@pytest.mark.parametrize(
    ("change", "macs", "address", "now", "status", "says"),
    [
        (
            {"used": 2.0},
            (MAC,),
            "10.0.0.5",
            3,
            410,
            "token used twice: again from 10.0.0.5, given to 10.0.0.5",
        ),
        ({"used": 2.0}, (), "10.0.0.6", 9e9, 410, "token used twice: again from 10.0.0.6"),
        ({}, (MAC,), "10.0.0.5", 1802, 403, "token expired after 30 minutes"),
        ({}, (MAC,), "10.0.0.6", 3, 403, "token came from 10.0.0.6, given to 10.0.0.5"),
        ({}, ("52:54:00:00:00:02",), "10.0.0.5", 3, 403, f"token of {MAC} came from a machine"),
        ({}, (), "10.0.0.5", 3, 403, f"token of {MAC} came from a machine"),
    ],
)
def test_a_token_that_opens_nothing(
    change: dict[str, Any], macs: tuple[str, ...], address: str, now: float, status: int, says: str
) -> None:
    refusal = check_kickstart(make_token().model_copy(update=change), MAC, macs, address, now, LIMITS)
    assert refusal is not None
    assert (refusal.status, refusal.reason.startswith(says)) == (status, True), refusal


def test_a_token_that_opens_a_kickstart() -> None:
    macs = ("52:54:00:00:00:02", MAC)
    assert check_kickstart(make_token(), MAC, macs, "10.0.0.5", 1800, LIMITS) is None
    elsewhere = Limits(1800, 86400, check_address=False)
    assert check_kickstart(make_token(), MAC, macs, "10.0.0.6", 1800, elsewhere) is None


def test_a_token_is_good_for_reports_long_after_it_was_used() -> None:
    used = make_token().model_copy(update={"used": 100.0})
    assert check_report(used, MAC, (), 100 + 86400, LIMITS) is None
    assert check_report(used, MAC, (), 101 + 86400, LIMITS) is not None
    assert check_report(make_token(), MAC, (MAC,), 1800, LIMITS) is None
    assert check_report(make_token(), MAC, (MAC,), 1802, LIMITS) is not None
    assert check_report(used, MAC, ("52:54:00:00:00:02",), 101, LIMITS) is not None
