"""A web server in a thread that serves a medium, as badly as a test wants it to."""

from __future__ import annotations

import contextlib
import http.server
import re
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.unit.hostd.report.server import Certificate


@dataclass
class MediumServer:
    """What is served, and how. Lists are used up one entry for each request of the file in `trouble`."""

    files: dict[str, bytes]
    url: str = ""
    trouble: str = "live/edgelinux.squashfs"
    cuts: list[int] = field(default_factory=list)
    """Bytes after which the connection is closed."""
    stalls: list[int] = field(default_factory=list)
    """Bytes after which nothing comes any more."""
    statuses: list[int] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    """Sent in place of the file."""
    ranges: bool = True
    head: int = 200
    """The status of what HEAD is answered with when the file is there."""
    length: bool = True
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and range of each request."""
    released: threading.Event = field(default_factory=threading.Event)

    def gets(self, path: str) -> list[str]:
        """The ranges that were asked for, "" for all of the file."""
        return [range_ for method, asked, range_ in self.asked if method == "GET" and asked == path]


@contextlib.contextmanager
def serving_medium(files: dict[str, bytes], certificate: Certificate | None = None) -> Iterator[MediumServer]:
    """Serve until the block ends."""
    server = MediumServer(files)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            path = self._note()
            if path in server.files:
                self._headers(server.head, len(server.files[path]))
            else:
                self._headers(404, 0)

        def do_GET(self) -> None:
            path = self._note()
            troubled = path == server.trouble
            if troubled and server.statuses:
                self._headers(server.statuses.pop(0), 0)
                return
            if path not in server.files:
                self._headers(404, 0)
                return
            content = server.wrong.pop(0) if troubled and server.wrong else server.files[path]
            first = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(first[1]) if first and server.ranges else 0
            if start and start >= len(content):
                self._headers(416, 0)
                return
            extra = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
            self._headers(206 if start else 200, len(content) - start, extra)
            with contextlib.suppress(OSError):
                if troubled and server.cuts:
                    self.wfile.write(content[start : start + server.cuts.pop(0)])
                    self.close_connection = True
                elif troubled and server.stalls:
                    self.wfile.write(content[start : start + server.stalls.pop(0)])
                    server.released.wait(60)
                else:
                    self.wfile.write(content[start:])

        def _note(self) -> str:
            path = self.path.removeprefix("/os/")
            server.asked.append((self.command, path, self.headers.get("Range", "")))
            return path

        def _headers(self, status: int, length: int, extra: dict[str, str] | None = None) -> None:
            self.send_response(status)
            if server.length:
                self.send_header("Content-Length", str(length))
            for name, value in (extra or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_arguments: object) -> None:
            """Leave out that a client turned away."""

    with Quiet(("127.0.0.1", 0), Handler) as running:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            running.socket = context.wrap_socket(running.socket, server_side=True)
        server.url = f"http{'s' if certificate else ''}://127.0.0.1:{running.server_address[1]}/os"
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.released.set()
            running.shutdown()
