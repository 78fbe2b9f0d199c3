"""Following jobs and events; and what the command does without hostd, or without half of Python."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket as sockets
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_hostd.api.serve import THREADS
from edgelinux_hostd.cli import antlet
from edgelinux_hostd.command import client as clients
from edgelinux_hostd.command import watch
from edgelinux_hostd.command.client import Client, UnreachableError
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.model import JobState
from edgelinux_hostd.operations.params import AntletAction

from tests.unit.hostd.api.fake import FakeAgent
from tests.unit.hostd.command.conftest import Command, code

# As from a person's shell: below nohup(1) and the like SIGINT is ignored, which programs inherit.
ANTLET = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from edgelinux_hostd.cli import main; sys.exit(main())"
)


def process(socket: str, *words: str, **options: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", ANTLET, "--socket", socket, *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


def test_waiting_prints_plain_lines_where_no_terminal_is(socket: str, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    running = process(socket, "start", "web1")
    assert running.stderr is not None
    assert running.stderr.readline() == "start-antlet web1: work\n"
    agent.gate.set()
    output, rest = running.communicate(timeout=60)
    assert (running.returncode, output, rest) == (0, "antlet web1 started\n", "")


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(socket: str, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    running = process(socket, "start", "web1")
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == (
        "antlet: job j1 goes on without you "
        "(`antlet job wait j1` follows it, `antlet job cancel j1` stops and undoes it)\n"
    )
    assert not agent.job("j1").cancel
    assert not agent.job("j1").state.final


def test_a_terminal_shows_progress(socket: str, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", ANTLET, "--socket", socket, "start", "web1"]
    running = subprocess.Popen(
        argv, stdout=theirs, stderr=theirs, stdin=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    seen = ""
    while "antlet web1 started" not in seen:
        assert select.select([ours], [], [], 60)[0]
        seen += os.read(ours, 4096).decode()
        if "start-antlet web1: work" in seen:
            agent.gate.set()
    os.close(ours)
    assert running.wait(60) == 0
    assert "━" in seen


def test_what_stands_against_it_is_printed_line_by_line(socket: str, agent: FakeAgent) -> None:
    agent.add("web1")
    agent._take("web1", "monday")
    agent._take("web1", "friday")
    refused = process(socket, "delete", "web1", "--yes")
    output, said = refused.communicate(timeout=60)
    assert (refused.returncode, output) == (5, "")
    assert said == "antlet: antlet web1 is depended on\n  snapshot monday\n  snapshot friday\n"


def test_what_the_line_has_said_is_not_said_again(socket: str, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.failing["start-antlet"] = RefusedError(
        "web1 has clones: a, b", hint="delete them", items=("a", "b")
    )
    _, said = process(socket, "start", "web1").communicate(timeout=60)
    assert said == "antlet: web1 has clones: a, b (delete them)\n"


def test_deleting_asks_on_a_terminal(socket: str, agent: FakeAgent) -> None:
    agent.add("web1")
    ours, theirs = pty.openpty()
    running = process(socket, "delete", "web1", stdin=theirs)
    os.close(theirs)
    os.write(ours, b"n\n")
    output, _ = running.communicate(timeout=60)
    os.close(ours)
    assert (running.returncode, agent.antlet("web1").name) == (1, "web1")
    assert output.startswith("Delete antlet web1? Its data will be lost. [y/N]")


def test_those_who_wait_do_not_keep_others_from_asking(client: Client, agent: FakeAgent) -> None:
    names = [f"a{number}" for number in range(THREADS + 2)]
    agent.gate.clear()
    for name in names:
        agent.add(name)
    waiting = [
        threading.Thread(target=client.send, args=("POST", f"/api/antlets/{name}/start")) for name in names
    ]
    for thread in waiting:
        thread.start()
    while len(agent.jobs(active=True)) < len(names):
        time.sleep(0.01)
    assert len(client.get("/api/antlets")) == len(names)
    agent.gate.set()
    for thread in waiting:
        thread.join()
    assert {one["state"] for one in client.get("/api/antlets")} == {"Running"}


def test_jobs(run: Command, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    job = json.loads(run("start", "web1", "--no-wait", "--format", "json").output)[0]["id"]
    assert [one["id"] for one in json.loads(run("job", "list", "--active", "--format", "json").output)] == [
        job
    ]
    assert "running" in run("job", "list").output
    assert "step 1:   work (begun)\n" in run("job", "show", job).output
    assert run("job", "log", job).output == "start-antlet web1: begun\n"
    assert run("job", "cancel", job).output == f"job {job} was asked to stop\n"
    waited = run("job", "wait", job)
    assert (code(waited), str(waited.exception)) == (5, f"job {job} was cancelled")
    assert code(run("job", "cancel", job)) == 5
    assert code(run("job", "show", "no")) == 4


def test_trying_a_job_again(run: Command, agent: FakeAgent) -> None:
    job = agent.leave("delete-antlet")
    agent.failing["delete-antlet"] = EdgeLinuxError("dataset is still busy")
    failed = run("job", "retry", job)
    assert (code(failed), str(failed.exception)) == (1, "dataset is still busy")
    agent.failing.clear()
    assert run("job", "retry", job).output == f"job {job} is done\n"
    over = run("job", "retry", job)
    assert (code(over), str(over.exception)) == (5, f"job {job} has nothing left to try again, it is done")
    assert code(run("job", "retry", "no")) == 4


def test_a_job_that_is_undone_after_all_still_failed(run: Command, agent: FakeAgent) -> None:
    job = agent.leave("create-antlet", cause="no space")
    undone = run("job", "retry", job)
    assert (code(undone), str(undone.exception)) == (5, f"job {job} is undone now: no space")


def test_a_job_is_tried_again_without_waiting(run: Command, agent: FakeAgent) -> None:
    job = agent.leave("delete-antlet")
    agent.gate.clear()
    assert run("job", "retry", job, "--no-wait").output == f"job {job} is tried again\n"
    assert agent.job(job).state is JobState.RUNNING
    agent.gate.set()
    assert run("job", "wait", job).exit_code == 0


def test_events_that_were(run: Command, agent: FakeAgent) -> None:
    agent.tell("pool", pool="antlets", health="DEGRADED")
    agent.tell("antlet", antlet="web1", state="Running")
    lines = run("events").output.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "pool    pool=antlets health=DEGRADED",
        "antlet  antlet=web1 state=Running",
    ]
    (only,) = run("events", "--after", "1", "--format", "json").output.splitlines()
    assert json.loads(only) == {
        "id": 2,
        "time": 1_700_000_000,
        "type": "antlet",
        "antlet": "web1",
        "state": "Running",
    }


def test_events_as_they_happen(socket: str, agent: FakeAgent) -> None:
    running = process(socket, "events", "--follow", "--after", "0", "--format", "json")
    agent.tell("pool", pool="antlets")
    assert running.stdout is not None
    assert json.loads(running.stdout.readline())["id"] == 1
    agent.tell("pool", pool="hdd")
    assert json.loads(running.stdout.readline())["id"] == 2
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 0


def test_waiting_outlives_a_restart_of_hostd(
    socket: str, agent: FakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.add("web1")
    monkeypatch.setattr(watch, "_AGAIN", 0)
    asked = Client.get
    lost = [True, True]

    def get(self: Client, where: str) -> object:
        if "/jobs/" in where and lost:
            lost.pop()
            raise UnreachableError("hostd ended the connection")
        return asked(self, where)

    monkeypatch.setattr(Client, "get", get)
    done = CliRunner().invoke(antlet, ["--socket", socket, "start", "web1"])
    assert (done.exit_code, lost) == (0, [])
    lost += [True] * 1000
    gone = CliRunner().invoke(antlet, ["--socket", socket, "stop", "web1"])
    assert code(gone) == 7
    assert "antlet job wait j2" in str(gone.exception)


# Without hostd


def test_hostd_does_not_run(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no.sock")
    failed = CliRunner().invoke(antlet, ["--socket", nowhere, "list"])
    assert code(failed) == 7
    assert str(failed.exception) == (
        f"hostd does not run: no socket {nowhere} (`systemctl start hostd.socket`)"
    )


def test_nobody_listens(tmp_path: Path) -> None:
    where = str(tmp_path / "dead.sock")
    with sockets.socket(sockets.AF_UNIX) as dead:
        dead.bind(where)
    with pytest.raises(UnreachableError, match="nobody listens"):
        Client(where).get("/api/antlets")


def test_no_permission_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(clients._Connection, "connect", refuse)
    with pytest.raises(UnreachableError, match="usermod -aG antlet USER") as caught:
        Client("/run/edgelinux/hostd.sock").get("/api/antlets")
    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("said", "error", "expected"),
    [
        (b"", "hostd ended the connection", 7),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", "hostd ended the connection", 7),
        (b"SMTP ready\r\n\r\n", "hostd ended the connection", 7),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "hostd answered 502 Bad Gateway", 1),
    ],
)
def test_somebody_answers_nonsense(tmp_path: Path, said: bytes, error: str, expected: int) -> None:
    where = str(tmp_path / "rude.sock")
    with sockets.socket(sockets.AF_UNIX) as listener:
        listener.bind(where)
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(said)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(EdgeLinuxError, match=error) as caught:
            Client(where).get("/api/antlets")
        thread.join()
    assert caught.value.exit_code == expected


# Starting fast


def test_what_the_command_imports(tmp_path: Path) -> None:
    heavy = ("pydantic", "fastapi", "starlette", "uvicorn", "rich", "yaml", "jinja2", "sqlite3", "asyncio")
    for words in (["--help"], ["create", "--help"], ["--socket", str(tmp_path / "no"), "list"]):
        text = (
            f"import sys; from edgelinux_hostd.cli import main\n"
            f"try:\n sys.argv[1:] = {words!r}; main()\n"
            f"except SystemExit: pass\n"
            f"print('HEAVY', [name for name in {heavy!r} if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "HEAVY []", words


def test_help_names_every_exit_code() -> None:
    text = " ".join(CliRunner().invoke(antlet, ["--help"]).output.split())
    for number in (
        "0 done",
        "1 failed",
        "2 wrong",
        "3 where",
        "4 no such",
        "5 refused",
        "6 another",
        "7 hostd",
        "130",
    ):
        assert number in text


# Completion


def complete(socket: str, words: str) -> list[str]:
    env = {
        "_ANTLET_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", ANTLET],
        env={**os.environ, **env, "EDGELINUX_SOCKET": socket},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_names_are_completed_from_hostd(socket: str, agent: FakeAgent) -> None:
    for name in ("web1", "web2", "db"):
        agent.add(name)
    agent._take("web1", "monday")
    assert complete(socket, "antlet start w") == ["web1", "web2"]
    assert complete(socket, "antlet start web1 d") == ["db"]
    assert complete(socket, "antlet create x --template t") == ["tiny"]
    assert complete(socket, "antlet restore web1 ") == ["monday"]
    assert complete(socket, "antlet pool status ") == ["antlets"]
    agent.lose("usb")
    assert complete(socket, "antlet pool forget ") == ["usb"]
    over = agent.submit("start-antlet", AntletAction(name="web1"))
    job = agent.leave("delete-antlet")
    assert complete(socket, "antlet job retry ") == [job]
    assert complete(socket, "antlet job show ") == [over.id, job]


def test_completion_offers_nothing_when_hostd_is_down(tmp_path: Path) -> None:
    assert complete(str(tmp_path / "no"), "antlet start w") == []
