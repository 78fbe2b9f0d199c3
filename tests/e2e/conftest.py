"""Fixtures of the end-to-end tests, and the table of what took how long at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.antlets import WEB, Antlets
from tests.e2e.boots import BOOTS, BUDGET, Ledger
from tests.e2e.lab import ROOT, Lab
from tests.e2e.pair import Pair

ARTEFACTS = ROOT / "out" / "test-artefacts"
SCRATCH = ROOT / "out" / "test-scratch"

HERE = Path(__file__).parent


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.e2e.grouping import GroupScheduling

    return GroupScheduling(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Each session begins without the traces of the one before."""
    if not _is_worker() and not session.config.option.collectonly:
        for directory in (ARTEFACTS, SCRATCH):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not _is_worker() and not session.config.option.collectonly:
        shutil.rmtree(SCRATCH, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    made = Ledger(ARTEFACTS / "boots.jsonl").made()
    if not made or _is_worker():
        return
    write = terminalreporter.write_line
    terminalreporter.section("boots")
    for boot in made:
        seconds = "failed" if boot.seconds is None else f"{boot.seconds:.0f} s"
        write(f"{seconds:>8}  {boot.name}: {BOOTS[boot.name]}")
    total = sum(boot.seconds or 0 for boot in made)
    write(f"{total:6.0f} s  in {len(made)} boots of {BUDGET}")
    times = ARTEFACTS / "times.tsv"
    if times.exists():
        terminalreporter.section("other times")
        for line in times.read_text().splitlines():
            seconds, _, what = line.partition("\t")
            write(f"{float(seconds):6.1f} s  {what}")
    write(f"consoles and logs: {ARTEFACTS}")


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab(ARTEFACTS, SCRATCH)


@pytest.fixture(scope="session")
def pairs(lab: Lab) -> Iterator[dict[str, Pair]]:
    """The installed pairs, by the firmware they were installed with."""
    installed = {"uefi": Pair(lab, "uefi"), "bios": Pair(lab, "bios")}
    yield installed
    for one in installed.values():
        one.stop()


@pytest.fixture(params=["uefi", "bios"])
def pair(request: pytest.FixtureRequest, pairs: dict[str, Pair]) -> Pair:
    """One pair after the other; each lives in one worker, see `grouping`."""
    return pairs[request.param]


@pytest.fixture
def antlets(pair: Pair) -> Antlets:
    """The antlets of a pair's running host."""
    return Antlets(pair.running()[1])


@pytest.fixture
def web1(antlets: Antlets) -> str:
    """A running container that starts with the host, after the one that is made by HTTP."""
    options = ("--template", "debian-13.lxc", "--number", str(WEB), "--ram", "256")
    antlets.need("web1", *options, "--autostart", "--order", "20")
    return "web1"
