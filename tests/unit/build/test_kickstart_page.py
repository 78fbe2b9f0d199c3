"""The page of commands lists all there are, and is the one that the code makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.kickstart_page import known_options, known_section_options, page
from edgelinux_installer.kickstart.supported import COMMANDS, SECTIONS
from pykickstart.handlers.rhel10 import RHEL10Handler

PAGE = Path(__file__).parents[3] / "docs/kickstart.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: edgelinux kickstart documentation --out docs/kickstart.md"
    )


@pytest.fixture(scope="module")
def known() -> dict[str, tuple[str, ...]]:
    """All commands of RHEL 10's syntax with their options, as pykickstart knows them."""
    handler = RHEL10Handler(mapping=RHEL10Handler.commandMap, dataMapping=RHEL10Handler.dataMap)  # type: ignore[no-untyped-call]
    return known_options(handler) | known_section_options(handler)


def test_every_command_and_option_of_the_syntax_is_in_the_table(known: dict[str, tuple[str, ...]]) -> None:
    table = COMMANDS | SECTIONS
    assert set(known) <= set(table)
    for name, options in known.items():
        if table[name].status != "refused":
            assert set(options) <= set(table[name].options), name


def test_the_table_has_nothing_that_the_syntax_has_not(known: dict[str, tuple[str, ...]]) -> None:
    for name, command in (COMMANDS | SECTIONS).items():
        invented = {option for option, entry in command.options.items() if not entry.removed} - set(
            known.get(name, ())
        )
        assert not invented, name
        assert not {option for option, entry in command.options.items() if entry.removed} & set(
            known.get(name, ())
        ), name


def test_every_command_and_option_is_on_the_page(known: dict[str, tuple[str, ...]]) -> None:
    text = page()
    for name, options in known.items():
        assert f"### {name}\n" in text or f"| {name} |" in text
        assert all(f"`{option}`" in text for option in options)


def test_everything_but_what_is_done_has_a_reason() -> None:
    for name, command in (COMMANDS | SECTIONS).items():
        assert command.note or command.status == "done", name
        for option, entry in command.options.items():
            assert entry.note or entry.status == "done", f"{name} {option}"
