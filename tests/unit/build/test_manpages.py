"""Man pages: made from the commands, whole, and without mistakes."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from edgelinux_build.manpages import Command, Page, from_argparse, from_click, main, pages, render

PAGES = {page.name: page for page in pages()}


def shown(page: Page, tmp_path: Path) -> str:
    """The page as a person reads it, on one line."""
    source = tmp_path / "page"
    source.write_text(render(page, "2026-01-02"), encoding="utf-8")
    text = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=500", source], check=True, capture_output=True, text=True
    )
    # Bold is a letter, a backspace, and the letter again.
    return " ".join(re.sub(".\x08", "", text.stdout).split())


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_mistakes(name: str, tmp_path: Path) -> None:
    if not shutil.which("mandoc"):
        pytest.fail("mandoc is missing; build/packages.txt lists it")
    source = tmp_path / name
    source.write_text(render(PAGES[name], "2026-01-02"), encoding="utf-8")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", source], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def test_the_pages_tell_of_every_command(tmp_path: Path) -> None:
    text = shown(PAGES["edgelinux"], tmp_path)
    for words in (
        "edgelinux build [OPTIONS] [IMAGE]",
        "edgelinux iso embed [OPTIONS] ISO",
        "edgelinux iso inspect [OPTIONS] ISO",
        "edgelinux kickstart check",
        "edgelinux cache prune",
        "edgelinux completion [OPTIONS] {bash|zsh|fish}",
        "--unattended",
        "Exit codes: 1 failed, 2 wrong command line",
    ):
        assert words in text
    text = shown(PAGES["antlet"], tmp_path)
    for words in (
        "antlet host boot-sync [OPTIONS]",
        "antlet create [OPTIONS] NAME",
        "antlet pool create [OPTIONS] NAME {mirror|single} DISK...",
        "antlet snapshot take",
        "antlet net set-base-ip",
        "antlet recover [OPTIONS] [GUID]...",
        "3 where a command's help says so",
    ):
        assert words in text
    text = shown(PAGES["edgelinux-install"], tmp_path)
    assert "--kickstart PATH|URL" in text
    assert "--check-medium" in text
    assert "1 the installation failed, or the medium is damaged" in text


def test_nothing_in_a_text_is_taken_for_roff(tmp_path: Path) -> None:
    text = ".SH at the start, a \\backslash, 'quotes' \"both\", a-b --c"
    page = Page("x", 1, "does y", Command("x", text, (("--o", text),)))
    assert shown(page, tmp_path).count(text) == 2


def test_hidden_commands_stay_hidden(tmp_path: Path) -> None:
    @click.group()
    def group() -> None:
        """Do things.

        \b
        More about it.
        """

    group.add_command(click.Command("secret", hidden=True, help="Nobody sees this."))
    group.add_command(click.Command("open", help="Everybody sees this.", params=[click.Option(["--a"])]))
    text = shown(from_click("g", 1, group), tmp_path)
    assert "g open [OPTIONS] Everybody sees this. --a TEXT" in text
    assert "More about it." in text
    assert "secret" not in text


def test_argparse(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser(prog="p", description="Does p.")
    parser.add_argument("file", help="what to read")
    parser.add_argument("--number", default=7, help="default: %(default)s")
    text = shown(from_argparse(8, parser), tmp_path)
    assert "p - Does p SYNOPSIS" in text
    assert "FILE what to read --number NUMBER default: 7" in text


def test_where_the_pages_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert main([str(tmp_path / "man")]) == 0
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("man/*/*"))
    assert written == ["man/man1/edgelinux.1", "man/man8/antlet.8", "man/man8/edgelinux-install.8"]
    assert ".TH EDGELINUX 1 2023-11-14 " in (tmp_path / written[0]).read_text()
    assert main([]) == 2
    assert "usage: " in capsys.readouterr().err
