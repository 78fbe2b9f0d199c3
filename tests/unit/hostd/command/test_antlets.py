"""`antlet` against a real server on a Unix socket: what people see, and what programs get."""

from __future__ import annotations

from tests.unit.hostd.api.fake import FakeAgent
from tests.unit.hostd.command.conftest import Command


def test_create_list_start_stop(run: Command, agent: FakeAgent) -> None:
    made = run("create", "web1", "--template", "debian-13.lxc", "--ram", "1024", "--cpu", "2")
    assert (made.exit_code, made.output) == (0, "antlet web1 created\n")
    assert run("start", "web1").output == "antlet web1 started\n"
    assert run("list").output == (
        "NAME  NUMBER  KIND  STATE    ADDRESS        RAM  CPU  STORAGE  POOL     TEMPLATE\n"
        "web1      10  lxc   Running  10.1.1.10  1.0 GiB    2  3.0 MiB  antlets  debian-13.lxc\n"
    )
    assert run("stop", "web1", "--timeout", "3").output == "antlet web1 stopped\n"
    assert agent.submitted[-1][1].model_dump() == {"name": "web1", "timeout": 3}
