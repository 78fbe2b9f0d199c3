"""A server of a network boot on the loopback, with a tree, kickstarts and real sockets."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from edgelinux_build.pxe.server import Machine, PxeServer, ServerConfig
from edgelinux_build.pxe.server.certificate import keep_certificate
from edgelinux_build.sites import Sites, load_sites
from edgelinux_installer.site.model import Site
from edgelinux_installer.site.render import render_kickstart

from tests.unit.build.pxe_server.trees import make_tree

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


class Lab:
    """A server, and machines that talk to it from addresses of the loopback."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.now = 1_800_000_000.0
        self.server = self._server()

    def _server(self) -> PxeServer:
        server = PxeServer(self.config)
        server.events.clock = lambda: self.now
        server.start()
        return server

    def restart(self, **changes: Any) -> None:
        """Stop the server, and start another one on the same state."""
        self.server.stop()
        self.config = replace(self.config, **changes)
        self.server = self._server()

    def client(self, base: str, address: str = "127.0.0.1") -> httpx.Client:
        transport = httpx.HTTPTransport(verify=False, local_address=address)
        return httpx.Client(base_url=base, transport=transport, timeout=60)

    def get(self, path: str, address: str = "127.0.0.1", **options: Any) -> httpx.Response:
        with self.client(self.server.http_url, address) as client:
            return client.get(path, **options)

    def boot(self, mac: str = MAC, address: str = "127.0.0.1", query: str = "") -> str:
        """Ask for the second stage; the token in it, "" when the machine boots from its disk."""
        answer = self.get(f"/boot/grub.cfg?mac={mac}{query}", address)
        assert answer.status_code == 200
        words = [word for word in answer.text.split() if word.startswith("edgelinux.token=")]
        return words[0].partition("=")[2] if words else ""

    def kickstart(
        self, token: str, *macs: str, address: str = "127.0.0.1", serial: str = "", uuid: str = ""
    ) -> httpx.Response:
        cards = macs or (MAC,)
        headers = {f"X-RHN-Provisioning-MAC-{n}": f"eth{n} {mac}" for n, mac in enumerate(cards)}
        headers |= {"X-System-Serial-Number": serial} if serial else {}
        headers |= {"X-System-UUID": uuid} if uuid else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        with self.client(self.server.https_url, address) as client:
            return client.get("/ks", headers=headers)

    def report(self, token: str, event: str, address: str = "127.0.0.1", **known: Any) -> httpx.Response:
        body = {"version": 1, "event": event, "time": "2026-01-02T03:04:05Z", **known}
        return self.post(token, json.dumps(body).encode(), address)

    def post(self, token: str, body: bytes, address: str = "127.0.0.1") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with self.client(self.server.https_url, address) as client:
            return client.post("/report", headers=headers, content=body)

    def machine(self, mac: str = MAC) -> Machine:
        machine = self.server.events.get(mac)
        assert machine is not None
        return machine

    def journal(self) -> list[dict[str, Any]]:
        lines = (self.config.state_dir / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def until(true: Callable[[], bool]) -> None:
    """Wait for what the server does after its answer."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def make_site(folder: Path, key: str, hostname: str) -> None:
    """A kickstart whose host name tells whose it is."""
    folder.mkdir(exist_ok=True)
    (folder / f"{key}.ks").write_text(render_kickstart(Site(hostname=hostname)))


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    # What a path that leads out of the tree would find.
    (folder / "state").mkdir()
    (folder / "state/key.pem").write_text("secret")
    return make_tree(folder / "tree")


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    folder = tmp_path_factory.mktemp("sites")
    make_site(folder, "default", "anyone")
    make_site(folder, OTHER.replace(":", "-"), "second")
    make_site(folder, "serial-srv-9", "ninth")
    return load_sites(folder)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all servers, as they keep it."""
    folder = tmp_path_factory.mktemp("certificate")
    keep_certificate(folder, "127.0.0.1")
    return folder


@pytest.fixture
def config(tmp_path: Path, tree: Path, sites: Sites, certificate: Path) -> ServerConfig:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    for file in certificate.iterdir():
        shutil.copy2(file, state)
    return ServerConfig(tree, "127.0.0.1", 0, 0, sites, state)


@pytest.fixture
def lab(config: ServerConfig) -> Iterator[Lab]:
    made = Lab(config)
    yield made
    made.server.stop()
