"""hostd on a Unix socket of its own, over an agent in memory; and the `antlet` command talking to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from edgelinux_hostd.api.app import create_app
from edgelinux_hostd.api.serve import Server, configure, listen
from edgelinux_hostd.cli import antlet
from edgelinux_hostd.command.client import Client
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.hostd.api.fake import FakeAgent

Command = Callable[..., Result]


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
    return lambda *words, **options: CliRunner().invoke(antlet, ["--socket", socket, *words], **options)


def code(result: Result) -> int:
    """The exit code that a shell would see."""
    error = result.exception
    return error.exit_code if isinstance(error, EdgeLinuxError) else result.exit_code
