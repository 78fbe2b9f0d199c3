"""A web server in a thread that keeps what it was asked, with TLS if it is to have that."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Server:
    """`statuses` are given out one by one, the last one for ever; `hang` seconds pass before each answer."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [200])
    answer_headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0

    @property
    def events(self) -> list[str]:
        return [one.json["event"] for one in self.asked]


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path

    @property
    def pin(self) -> str:
        der = ssl.PEM_cert_to_DER_cert(self.cert.read_text(encoding="ascii"))
        return hashlib.sha256(der).hexdigest()


def make_certificate(directory: Path, name: str = "server") -> Certificate:
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]  # noqa: RUF005
        + ["-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return Certificate(cert, key)


@contextlib.contextmanager
def serving(certificate: Certificate | None = None) -> Iterator[Server]:
    server = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            time.sleep(server.hang)
            status = server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in server.answer_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"hello\n")

        do_GET = do_POST = _answer

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *args: object) -> None:
            """Leave out that a client turned away: it is what some tests are about."""

    with Quiet(("127.0.0.1", 0), Handler) as running:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            running.socket = context.wrap_socket(running.socket, server_side=True)
        server.url = f"http{'s' if certificate else ''}://127.0.0.1:{running.server_address[1]}/"
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            running.shutdown()
