"""The socket, systemd's notifications, streams of events: with the real server."""

from __future__ import annotations

import asyncio
import grp
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.api.app import create_app
from edgelinux_hostd.api.notify import notify, passed_sockets
from edgelinux_hostd.api.serve import listen
from edgelinux_hostd.api.streams import QUEUED, Stream, encode
from edgelinux_hostd.command.client import Client, UnreachableError
from edgelinux_hostd.errors import EdgeLinuxError
from fastapi.testclient import TestClient

from tests.unit.hostd.api.fake import FakeAgent

SERVER = """
import contextlib, logging, os, sys
from pathlib import Path
from edgelinux_hostd.api.app import create_app
from edgelinux_hostd.api.serve import serve
from tests.unit.hostd.api.fake import FakeAgent

@contextlib.asynccontextmanager
async def lifespan(app):
    print("starting", flush=True)
    yield
    print("stopping", flush=True)

if len(sys.argv) > 2:  # as systemd does: descriptor 3, and the process's own id
    os.dup2(int(sys.argv[2]), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="hostd.socket")
agent = FakeAgent()
agent.add("web1")
serve(create_app(agent, lifespan=lifespan), Path(sys.argv[1]))
print("ended", [name for name in os.environ if name.startswith("LISTEN_")], flush=True)
"""


class Hostd:
    """A process that serves, and the socket on which it tells where it stands."""

    def __init__(self, folder: Path, *words: str, **options: Any) -> None:
        self.path = folder / "hostd.sock"
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(str(folder / "notify"))
        self.told.settimeout(60)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER, str(self.path), *words],
            env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify")},
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    def heard(self) -> str:
        return self.told.recv(100).decode()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=60)
        return str(output)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.told.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Hostd]]:
    made: list[Hostd] = []
    yield made
    for one in made:
        one.close()


def test_it_makes_its_socket_tells_systemd_and_leaves_nothing(tmp_path: Path, started: list[Hostd]) -> None:
    hostd = Hostd(tmp_path)
    started.append(hostd)
    assert hostd.heard() == "READY=1"
    assert stat.S_IMODE(hostd.path.stat().st_mode) == 0o660
    client = Client(str(hostd.path))
    assert client.get("/api/antlets/web1")["state"] == "Stopped"
    # An open stream does not keep it from stopping.
    client.send("POST", "/api/antlets/web1/start")
    events = client.events("0")
    told = [next(events) for _ in range(3)]
    assert [(event["id"], event["type"]) for event in told] == [(1, "job"), (2, "antlet"), (3, "job")]
    output = hostd.stop()
    assert hostd.heard() == "STOPPING=1"
    assert output.splitlines() == ["starting", "stopping", "ended []"]
    assert hostd.process.returncode == 0
    assert not hostd.path.exists()
    assert list(events) == []
    with pytest.raises(UnreachableError, match="hostd does not run"):
        client.get("/api/host")


def test_it_sleeps_while_nobody_calls(tmp_path: Path, started: list[Hostd]) -> None:
    hostd = Hostd(tmp_path)
    started.append(hostd)
    assert hostd.heard() == "READY=1"

    def woken() -> int:
        status = Path(f"/proc/{hostd.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    time.sleep(1)
    before = woken()
    time.sleep(2)
    assert woken() - before < 5
    assert hostd.stop().splitlines()[-1] == "ended []"


def test_it_serves_a_socket_that_systemd_passes(tmp_path: Path, started: list[Hostd]) -> None:
    where = str(tmp_path / "passed.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(where)
        listener.listen()
        hostd = Hostd(tmp_path, str(listener.fileno()), pass_fds=[listener.fileno()])
        started.append(hostd)
        # It may be asked before it is ready: the socket is there already.
        assert Client(where).get("/api/system/base-ip") == {"base-ip": "10.1.1."}
        assert not hostd.path.exists()
        assert hostd.stop().splitlines()[-1] == "ended []"
        # systemd's socket stays, for the next start.
        assert Path(where).exists()


def test_sockets_passed_to_another_process_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert passed_sockets() == []
    assert "LISTEN_FDS" not in os.environ


def test_nobody_listens_to_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_notifications_in_the_abstract_name_space(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"edgelinux-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert receiver.recv(100) == b"READY=1"


def test_a_stale_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "run/hostd.sock"
    listen(path).close()
    assert path.exists()
    with listen(path), pytest.raises(EdgeLinuxError, match="another hostd listens at"):
        listen(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_its_socket_is_the_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = grp.getgrgid(1)
    monkeypatch.setattr("edgelinux_hostd.api.serve.GROUP", group.gr_name)
    path = tmp_path / "hostd.sock"
    listen(path).close()
    assert (path.stat().st_uid, path.stat().st_gid) == (0, group.gr_gid)


def test_a_place_where_it_cannot_listen(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeLinuxError, match="cannot listen at"):
        listen(tmp_path / "file/hostd.sock")


def test_events_as_the_standard_writes_them() -> None:
    event = {"id": 7, "time": 5, "type": "job", "title": "a\nb"}
    assert encode(event) == (
        'id: 7\nevent: job\ndata: {"id": 7, "time": 5, "type": "job", "title": "a\\nb"}\n\n'
    )
    assert encode({}).startswith(":")


def test_events_are_streamed_repeated_and_kept_alive(tmp_path: Path, started: list[Hostd]) -> None:
    hostd = Hostd(tmp_path)
    started.append(hostd)
    hostd.heard()
    client = Client(str(hostd.path))
    client.send("POST", "/api/antlets/web1/start")
    missed = client.events("0")
    first = next(missed)
    assert (first["id"], first["type"]) == (1, "job")
    second = next(missed)
    assert second == {"id": 2, "time": 1_700_000_000, "type": "antlet", "antlet": "web1", "state": "Running"}


def test_a_wrong_last_event_id(client: TestClient) -> None:
    answer = client.get("/api/events", headers={"Last-Event-ID": "x"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0].startswith("Last-Event-ID: ")


def until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.01)


def test_silence_and_too_many_streams(agent: FakeAgent) -> None:
    agent.silence = 0.01
    app = create_app(agent, streams=1)
    ended: list[str] = []
    with TestClient(app) as client:
        # This client gives an answer when it is complete, so the stream has to be ended for it.
        reader = threading.Thread(target=lambda: ended.append(client.get("/api/events").text))
        reader.start()
        until(lambda: agent.silences > 1)
        refused = client.get("/api/events")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "15")
        assert client.portal is not None
        client.portal.call(app.state.streams.close)
        reader.join()
        # Its thread has noticed, and its place is free again.
        until(lambda: not agent.readers)
        reader = threading.Thread(target=lambda: ended.append(client.get("/api/events").text))
        reader.start()
        until(lambda: agent.readers)
        client.portal.call(app.state.streams.close)
        reader.join()
    assert ended[0].startswith("retry: 2000\n\n: ")
    assert len(ended) == 2


def test_a_client_that_is_too_slow_is_cut_off() -> None:
    loop = asyncio.new_event_loop()
    stream = Stream(loop)
    for number in range(QUEUED + 5):
        stream.put({"id": number, "type": "job"})
    assert stream.gone.is_set()
    found = [stream.queue.get_nowait() for _ in range(stream.queue.qsize())]
    assert found[QUEUED - 1] == {"id": QUEUED - 1, "type": "job"}
    assert found[QUEUED:] == [None]
    loop.close()
