"""What the table on the antlets' ports says; that it works is test_wire.py's."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.antlets.spec import Nic
from edgelinux_hostd.network import filters
from edgelinux_hostd.network.filters import Card, cards, render


def test_loading_replaces_its_own_table_only() -> None:
    lines = render("10.1.1.").splitlines()
    start = lines.index("table bridge edgelinux")
    assert lines[start + 1 : start + 3] == ["delete table bridge edgelinux", "table bridge edgelinux {"]
    assert "inet" not in render("10.1.1.")


def test_every_number_is_there_without_any_antlet() -> None:
    text = render("10.1.1.")
    assert '"antlet10" . b2:61:6e:73:6c:0a . 10.1.1.10,' in text
    assert '"antlet254" . b2:61:6e:73:6c:fe . 10.1.1.254,' in text
    assert '"antlet25-3" . b2:61:6e:73:6f:19,' in text


def test_a_card_with_a_mac_of_its_own_loses_the_other() -> None:
    text = render("10.1.1.", [Card("antlet25-1", "52:54:00:00:00:01")])
    assert '"antlet25-1" . 52:54:00:00:00:01,' in text
    assert '"antlet25-1" . b2:61:6e:73:6d:19,' not in text


def test_which_cards_the_table_is_told_about() -> None:
    bridge = Nic(type="bridge", source="br0")
    own = Nic(type="bridge", source="br0", mac="52:54:00:00:00:01")
    same = Nic(type="bridge", source="br0", mac="b2:61:6e:73:6e:19")
    assert cards(25, [Nic(), bridge, same]) == ()
    assert cards(25, [Nic(), own]) == (Card("antlet25-1", "52:54:00:00:00:01"),)
    assert cards(25, [Nic(), bridge, bridge, bridge, bridge]) == (Card("antlet25-4", "b2:61:6e:73:70:19"),)


def test_the_mark_tells_tables_apart() -> None:
    def mark(text: str) -> str:
        return next(line for line in text.splitlines() if "comment" in line)

    card = Card("antlet25-1", "52:54:00:00:00:01")
    other = Card("antlet26-1", "52:54:00:00:00:02")
    assert mark(render("10.1.1.")) != mark(render("10.1.2."))
    assert mark(render("10.1.1.", [card])) != mark(render("10.1.1."))
    assert render("10.1.1.", [card, other]) == render("10.1.1.", [other, card])
    assert filters.TABLE == "bridge edgelinux"


def test_the_file_for_the_next_boot_is_labelled_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled: list[str] = []
    monkeypatch.setattr(filters, "loaded", lambda _text: True)
    monkeypatch.setattr(filters, "label_rules", lambda path: labelled.append(path.read_text("utf-8")))
    assert filters.ensure("10.1.1.", path=tmp_path / "filter.nft") is False
    assert labelled == [render("10.1.1.")]
