"""Which network cards an antlet can have."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.antlets.spec import Nic
from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.network.check import bridges, check_bridges, check_nics, on_network


def bridged(**fields: str) -> Nic:
    return Nic.model_validate({"type": "bridge", "source": "br0", **fields})


@pytest.mark.parametrize(
    "nics",
    [
        (),
        (Nic(),),
        (Nic(mac="b2:61:6e:73:6c:19"),),
        (Nic(), bridged(), bridged(mac="52:54:00:00:00:01")),
        (bridged(address="192.168.1.40/24", gateway="192.168.1.1"),),
        (bridged(address="fd00::40/64"),),
    ],
)
def test_cards_that_can_be(nics: tuple[Nic, ...]) -> None:
    check_nics(25, nics)


@pytest.mark.parametrize(
    ("nics", "said"),
    [
        ((Nic(source="other"),), "there is no network 'other'"),
        ((Nic(), Nic()), "card 1 cannot be on bblv"),
        ((bridged(), Nic()), "card 1 cannot be on bblv"),
        ((Nic(mac="52:54:00:00:00:01"),), "follow from the antlet's number"),
        ((Nic(address="10.1.1.99/24"),), "follow from the antlet's number"),
        ((bridged(source="bblv"),), "bblv is a network"),
        ((bridged(mac="01:00:5e:00:00:01"),), "is not the MAC of one card"),
        ((bridged(mac="00:00:00:00:00:00"),), "is not the MAC of one card"),
        ((bridged(mac="52:54:00:00:00:01"),) * 2, "the same MAC"),
        ((bridged(mac="b2:61:6e:73:6d:19"), bridged()), "the same MAC"),
        ((bridged(address="192.168.1.40"),), "is not an address with its network"),
        ((bridged(address="192.168.1.400/24"),), "is not an address with its network"),
        ((bridged(gateway="192.168.1.1"),), "a gateway without an address"),
        ((bridged(address="192.168.1.40/24", gateway="192.168.2.1"),), "not an address in 192.168.1.0/24"),
        ((bridged(address="192.168.1.40/24", gateway="x"),), "not an address in 192.168.1.0/24"),
    ],
)
def test_cards_that_cannot_be(nics: tuple[Nic, ...], said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        check_nics(25, nics)


def test_a_bridge_that_the_host_has_not(tmp_path: Path) -> None:
    for name in ("br0/bridge", "bblv/bridge", "eth0"):
        (tmp_path / name).mkdir(parents=True)
    assert bridges(tmp_path) == ("bblv", "br0")
    check_bridges([Nic(), bridged()], tmp_path)
    with pytest.raises(RefusedError, match=r"no bridge br7 \(it has br0\)") as caught:
        check_bridges([bridged(source="br7")], tmp_path)
    assert caught.value.items == ("br7",)


def test_a_host_without_bridges_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"no bridge br0 .*nmcli"):
        check_bridges([bridged()], tmp_path)


def test_who_is_on_the_network() -> None:
    assert on_network([bridged(), Nic()])
    assert not on_network([bridged()])
