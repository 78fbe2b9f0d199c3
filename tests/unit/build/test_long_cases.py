"""How the long series is dealt out."""

from __future__ import annotations

import pytest
from edgelinux_hostd.errors import EdgeLinuxError

from tests.long.cases import CASES, deal, parse_shard


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_shards_hold_every_case_once(count: int) -> None:
    names = [case.name for number in range(1, count + 1) for case in deal(CASES, (number, count))]
    assert sorted(names) == sorted(case.name for case in CASES)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_follows_goes_where_it_can(count: int) -> None:
    for number in range(1, count + 1):
        seen: set[str] = set()
        for case in deal(CASES, (number, count)):
            assert not case.follows or case.follows in seen
            seen.add(case.name)


def test_a_named_case_brings_what_it_follows() -> None:
    names = [case.name for case in deal(CASES, (1, 1), ["existing-pool-wiped"])]
    assert names == ["unequal", "existing-pool-refused", "existing-pool-wiped"]


def test_an_unknown_case() -> None:
    with pytest.raises(EdgeLinuxError, match="no such case: five-disks"):
        deal(CASES, (1, 1), ["five-disks"])


@pytest.mark.parametrize("text", ["", "2", "0/3", "4/3", "a/b"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(EdgeLinuxError, match="is not a shard"):
        parse_shard(text)
    assert parse_shard("2/3") == (2, 3)
