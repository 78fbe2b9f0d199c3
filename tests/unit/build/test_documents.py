"""What documents and configuration say about the repository is so."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import click
import pytest
import yaml
from edgelinux_build.cli import cli
from edgelinux_build.images import load_image
from edgelinux_hostd import __version__
from edgelinux_hostd.cli import antlet

from tests.run import phases

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"https?:", target):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_are_there(page: Path) -> None:
    for words in re.findall(
        r"\bedgelinux ((?:iso|kickstart|cache|template|usb|pxe) [a-z]+)", page.read_text(encoding="utf-8")
    ):
        group, name = words.split()
        found = cli.commands[group]
        assert name in found.commands, words  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_antlet_commands_that_are_shown_are_there(page: Path) -> None:
    for line in re.findall(r"^ {4}(antlet .*)$", page.read_text(encoding="utf-8"), re.M):
        for shown in line.partition(" #")[0].split(";"):
            found: click.Command = antlet
            _, *words = shown.split()
            while isinstance(found, click.Group):
                found = found.commands[words.pop(0)]
            known = {name for option in found.params for name in (*option.opts, *option.secondary_opts)}
            assert {word for word in words if word.startswith("--")} <= known, shown


def test_the_guide_tells_of_every_antlet_command() -> None:
    guide = (ROOT / "docs/antlet.md").read_text(encoding="utf-8")
    for name, command in antlet.commands.items():
        if name not in ("completion", "host"):
            for sub in command.commands if isinstance(command, click.Group) else [""]:
                assert re.search(rf"\bantlet {name} {sub}".rstrip() + r"\b", guide), f"antlet {name} {sub}"


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?([0-9.]+)", text, re.M)
    assert newest
    assert newest[1] == __version__ == load_image(ROOT, "edgelinux").version


def test_the_picture_can_be_drawn() -> None:
    picture = ET.parse(ROOT / "docs/data-flow.svg").getroot()  # noqa: S314  (our own)
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.find("{http://www.w3.org/2000/svg}title") is not None


def test_committing_checks_what_make_lint_does() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {hook["id"] for repository in config["repos"] for hook in repository["hooks"]}
    (lint,) = (phase for phase in phases() if phase.name == "lint")
    for command in lint.commands:
        name = Path(command[0]).name
        assert name in hooks
    assert "ruff-format" in hooks
