"""hostd on a Unix socket of its own, over an agent in memory; and the `antlet` command talking to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from edgelinux_hostd.api.app import create_app
from edgelinux_hostd.api.serve import Server, configure, listen
from edgelinux_hostd.cli import antlet
from edgelinux_hostd.command.client import Client
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.hostd.api.fake import FakeAgent


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended. `output` is both streams."""

    exit_code: int
    exception: BaseException | None
    stdout: str
    stderr: str
    output: str


Command = Callable[..., Said]


def _invoke(words: list[str], **options: Any) -> Said:
    """Run `antlet`. click before 8.2 mixes both streams unless told not to, and newer ones cannot be told."""
    separate: Any = {"mix_stderr": False}
    try:
        runner, mixed = CliRunner(**separate), False
    except TypeError:
        runner, mixed = CliRunner(), True
    found = runner.invoke(antlet, words, **options)
    output = found.output if mixed else found.stdout + found.stderr
    return Said(found.exit_code, found.exception, found.stdout, found.stderr, output)


@pytest.fixture
def agent() -> FakeAgent:
    return FakeAgent()


@pytest.fixture
def socket(agent: FakeAgent, tmp_path: Path) -> Iterator[str]:
    """The path of a socket at which a real server serves the agent."""
    path = tmp_path / "hostd.sock"
    server = Server(configure(create_app(agent)))
    listener = listen(path)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield str(path)
    agent.gate.set()
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def client(socket: str) -> Client:
    return Client(socket)


@pytest.fixture
def run(socket: str) -> Command:
    """Run `antlet` with these words."""
    return lambda *words, **options: _invoke(["--socket", socket, *words], **options)


def code(result: Said | Result) -> int:
    """The exit code that a shell would see."""
    error = result.exception
    return error.exit_code if isinstance(error, EdgeLinuxError) else result.exit_code
