"""Changing the base IP: what stands against it, and in which order it goes."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.network.rebase import Rebase, check_free, plan, taken
from edgelinux_hostd.runtime.base import State

NETWORKED = Nic()
BRIDGED = Nic(type="bridge", source="br0")


def antlet(name: str, state: State = State.RUNNING, nic: Nic = NETWORKED, order: int = 100) -> Antlet:
    number, uuid = 25, UUID(int=1)
    spec = AntletSpec(
        name=name, number=number, uuid=uuid, kind="lxc", ram=64, cpu=1, order=order, nics=(nic,)
    )
    return Antlet(name, number, str(uuid), "antlets", f"antlets/{name}", Path(), "lxc", spec, state)


def test_nobody_runs() -> None:
    found = plan([antlet("a", State.STOPPED), antlet("b", nic=BRIDGED)], "10.1.1.", "10.2.2.", restart=False)
    assert found == Rebase("10.2.2.", (), ())


def test_refused_while_antlets_run_with_the_list_of_them() -> None:
    antlets = [antlet("b"), antlet("a", State.PAUSED), antlet("c", nic=BRIDGED), antlet("d", State.STOPPED)]
    with pytest.raises(RefusedError, match="antlets on bblv run: a, b") as caught:
        plan(antlets, "10.1.1.", "10.2.2.", restart=False)
    assert caught.value.items == ("a", "b")


def test_restarts_in_the_order_of_boot_and_shutdown() -> None:
    antlets = [antlet("a"), antlet("b", order=10), antlet("c")]
    found = plan(antlets, "10.1.1.", "10.2.2.", restart=True)
    assert found == Rebase("10.2.2.", stop=("c", "a", "b"), start=("b", "a", "c"))


def test_a_damaged_antlet_that_runs_counts() -> None:
    running = Antlet("a", 25, "", "antlets", "antlets/a", Path(), "lxc", None, State.RUNNING)
    with pytest.raises(RefusedError, match="antlets on bblv run: a"):
        plan([running], "10.1.1.", "10.2.2.", restart=False)


def test_the_same_base_ip_disturbs_nobody() -> None:
    assert plan([antlet("a")], "10.1.1.", "10.1.1.", restart=False) == Rebase("10.1.1.", (), ())


@pytest.mark.parametrize("text", ["10.2.2", "8.8.8.", "10.2.2.0", "", "10.2.300.", "127.0.0."])
def test_a_bad_base_ip(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a base IP"):
        plan([], "10.1.1.", text, restart=True)


def test_a_subnet_that_the_host_is_in_already() -> None:
    networks = {"10.0.2.0/24": "br0", "10.0.0.0/8": "wan0"}
    with pytest.raises(RefusedError, match=r"10\.1\.1\.0/24 is not free: wan0 is in 10\.0\.0\.0/8"):
        check_free("10.1.1.", networks)
    check_free("192.168.7.", networks)


def test_the_network_is_not_in_its_own_way() -> None:
    text = """[
        {"ifname": "bblv", "addr_info": [{"local": "10.1.1.1", "prefixlen": 24}]},
        {"ifname": "br0", "addr_info": [{"local": "10.0.2.15", "prefixlen": 24}]},
        {"ifname": "eth0", "addr_info": []}
    ]"""
    assert taken(text) == {"10.0.2.0/24": "br0"}
