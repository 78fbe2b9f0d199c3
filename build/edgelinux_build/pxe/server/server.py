"""Both web servers of a network boot, in threads."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

import uvicorn
from edgelinux_hostd.errors import EdgeLinuxError
from starlette.applications import Starlette

from edgelinux_build.pxe.server.again import Again
from edgelinux_build.pxe.server.certificate import Certificate, keep_certificate
from edgelinux_build.pxe.server.config import ServerConfig
from edgelinux_build.pxe.server.desk import Desk
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.plain import Addresses, plain_app
from edgelinux_build.pxe.server.secret import secret_app
from edgelinux_build.pxe.server.sockets import listen
from edgelinux_build.pxe.server.tree import read_tree

__all__ = ["PxeServer"]

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_MOST_REQUESTS = 256


class PxeServer:
    """Serves boot files and the medium over HTTP, kickstarts and reports over HTTPS."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.events = Ledger(config.state_dir)
        """Where DHCP and TFTP are to be told, and the machines are found."""
        self._ports = (config.http_port, config.https_port)
        self._certificate: Certificate | None = None
        self._running: list[tuple[uvicorn.Server, threading.Thread]] = []

    @property
    def http_url(self) -> str:
        """Such as http://192.0.2.1:8080; with the real port once started."""
        return _url("http", self.config.address, self._ports[0], 80)

    @property
    def https_url(self) -> str:
        """As http_url."""
        return _url("https", self.config.address, self._ports[1], 443)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex, lower case) of the certificate's DER, once started: the pin."""
        return self._certificate.pin if self._certificate else ""

    def start(self) -> None:
        """Bind both ports, before anything else, and serve.

        Raises PortInUseError, PortRightError, and EdgeLinuxError: a tree, state or certificate is no good.
        """
        config = self.config
        with contextlib.ExitStack() as undo:
            plain, secret = (
                undo.enter_context(listen(config.address, port, what, option, config.arguments))
                for port, what, option in (
                    (config.http_port, "boot files", "--http-port"),
                    (config.https_port, "kickstarts", "--https-port"),
                )
            )
            self._ports = (plain.getsockname()[1], secret.getsockname()[1])
            tree = read_tree(config.tree)
            _make_private(config.state_dir, config.tree)
            self.events.load()
            certificate = self._certificate = keep_certificate(config.state_dir, config.address)
            desk = Desk(config, self.events, Again(config.state_dir, config.again))
            addresses = Addresses(self.http_url, self.https_url, certificate.pin)
            undo.callback(self.stop)
            self._serve(plain_app(desk, self.events, tree, addresses, config.texts), plain)
            self._serve(secret_app(desk), secret, certificate)
            undo.pop_all()

    def stop(self) -> None:
        """Stop serving; does nothing when it was not started."""
        for server, _ in self._running:
            server.should_exit = True
        for server, thread in self._running:
            thread.join(_STOP_SECONDS)
            server.force_exit = True
        self._running = []

    def _serve(self, app: Starlette, listener: socket.socket, certificate: Certificate | None = None) -> None:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                # It writes headers as it is given them.
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=_MOST_REQUESTS,
                timeout_graceful_shutdown=2,
                ssl_keyfile=certificate.key if certificate else None,
                ssl_certfile=certificate.certificate if certificate else None,
            )
        )
        name = "pxe-https" if certificate else "pxe-http"
        thread = threading.Thread(target=server.run, args=([listener],), name=name, daemon=True)
        self._running.append((server, thread))
        thread.start()
        end = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > end:
                raise EdgeLinuxError(f"the web server {name} did not start", hint="its log says why")
            time.sleep(0.01)


def _url(scheme: str, address: str, port: int, usual: int) -> str:
    return f"{scheme}://{address}" if port == usual else f"{scheme}://{address}:{port}"


def _make_private(state_dir: Path, tree: Path) -> None:
    """Make the state's directory, readable by its owner only; raises EdgeLinuxError."""
    if state_dir.resolve().is_relative_to(tree.resolve()):
        raise EdgeLinuxError(
            f"{state_dir} is within {tree}, all of which anybody can read",
            hint="keep the server's state elsewhere: it has its private key",
            exit_code=2,
        )
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeLinuxError(f"cannot keep the server's state in {state_dir}: {error.strerror}") from error
