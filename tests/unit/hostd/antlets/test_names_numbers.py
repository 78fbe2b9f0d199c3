"""Names and numbers: what is refused, and what follows from a number."""

from __future__ import annotations

import pytest
from edgelinux_hostd.antlets import names, numbers
from edgelinux_hostd.errors import InvalidError, RefusedError


@pytest.mark.parametrize("name", ["web1", "a", "1", "my-antlet-2", "x" * 63])
def test_antlet_names(name: str) -> None:
    assert names.check_antlet_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a/b", "a@b", "..", ".", "-x", "x-", "Web", "a b", "a.b", "x" * 64, "a\n", "é", "ROOT"]
)
def test_refused_antlet_names(name: str) -> None:
    with pytest.raises(InvalidError, match="cannot name an antlet"):
        names.check_antlet_name(name)


@pytest.mark.parametrize("name", ["a/b", "a@b", "..", "a..b", "-x", ".x", "", "a:b", "a b", "x" * 64])
def test_refused_template_and_snapshot_names(name: str) -> None:
    with pytest.raises(InvalidError):
        names.check_template_name(name)
    with pytest.raises(InvalidError):
        names.check_snapshot_name(name)


@pytest.mark.parametrize("name", ["mirror1", "raidz", "spare", "log", "c0", "Hdd", "-x", "a/b", "1a", ""])
def test_refused_pool_names(name: str) -> None:
    with pytest.raises(InvalidError, match="cannot name a pool"):
        names.check_pool_name(name)


def test_a_number_decides_the_rest() -> None:
    assert numbers.mac(25) == "b2:61:6e:73:6c:19"
    assert numbers.mac(25, 1) == "b2:61:6e:73:6d:19"
    assert numbers.iphex(25) == "19"
    assert numbers.address("10.1.1.", 25) == "10.1.1.25"
    assert numbers.gateway("10.1.1.") == "10.1.1.1"
    assert numbers.host_name(25) == "antlet25"
    assert max(len(numbers.port(254, card)) for card in range(100)) <= 15


def test_every_mac_leads_back_to_its_number() -> None:
    for number in range(numbers.FIRST, numbers.LAST + 1):
        assert numbers.number_of_mac(numbers.mac(number).upper()) == number
    for other in ("b2:61:6e:73:6c:09", "b2:61:6e:73:6c:ff", numbers.mac(25, 1), "52:54:00:00:00:01", ""):
        assert numbers.number_of_mac(other) is None


@pytest.mark.parametrize("number", [9, 255, 0, -1])
def test_numbers_out_of_range(number: int) -> None:
    with pytest.raises(InvalidError, match="10 to 254"):
        numbers.check_number(number)


def test_the_lowest_free_number_is_next() -> None:
    assert numbers.next_free({10, 11, 13}) == 12
    with pytest.raises(RefusedError, match="taken"):
        numbers.next_free(set(range(10, 255)))


@pytest.mark.parametrize("text", ["10.1.1", "10.1.1.1", "8.8.8.", "127.0.0.", "10.1.300.", "x", ""])
def test_refused_base_ips(text: str) -> None:
    with pytest.raises(InvalidError, match="base IP"):
        numbers.check_base_ip(text)
