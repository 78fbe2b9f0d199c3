"""The ledger that keeps the end-to-end tests within their budget of boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.boots import BOOTS, BUDGET, Ledger, Made, NotInBudgetError


def test_the_listed_boots_are_within_the_budget() -> None:
    assert BUDGET == 14
    assert len(BOOTS) <= BUDGET


def test_boots_are_counted_across_ledgers_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "boots.jsonl"
    with Ledger(path).boot("live"):
        pass
    with pytest.raises(RuntimeError), Ledger(path).boot("uefi-install"):
        raise RuntimeError
    made = Ledger(path).made()
    assert [boot.name for boot in made] == ["live", "uefi-install"]
    assert made[0].seconds is not None
    assert made[1] == Made("uefi-install", None)


@pytest.mark.parametrize("name", ["unlisted", "live"])
def test_unlisted_and_repeated_boots_are_refused(name: str, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "boots.jsonl")
    with ledger.boot("live"):
        pass
    with pytest.raises(NotInBudgetError), ledger.boot(name):
        pass


def test_one_too_many(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "boots.jsonl", budget=1)
    with ledger.boot("live"):
        pass
    with pytest.raises(NotInBudgetError, match="number 2 of 1"), ledger.boot("uefi-install"):
        pass


def test_no_boot_yet(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "none").made() == []
