"""A web server on this machine's loopback, for as long as a build runs, that gives directories.

Programs in a chroot see the build host's loopback, but not its files.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["make_server", "serving"]

_ADDRESS = "127.0.0.1"


def make_server(folders: Mapping[str, Path], port: int = 0) -> ThreadingHTTPServer:
    """Return a server of directories, each below its name, for reading; port 0 is any that is free.

    Nothing outside them is served, and no listing. Raises OSError.
    """
    roots = {name: folder.resolve() for name, folder in folders.items()}

    class Handler(SimpleHTTPRequestHandler):
        """Gives files below the roots."""

        protocol_version = "HTTP/1.1"

        def translate_path(self, path: str) -> str:
            """Return the file that a URL's path names; none for what is not below a root."""
            name, _, below = unquote(urlsplit(path).path).lstrip("/").partition("/")
            root = roots.get(name)
            file = (root / below).resolve() if root else None
            allowed = file is not None and root is not None and file.is_relative_to(root) and file.is_file()
            return str(file) if allowed else "/dev/null/none"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the program that asks says what it misses."""

    return ThreadingHTTPServer((_ADDRESS, port), Handler)


@contextlib.contextmanager
def serving(folders: Mapping[str, Path]) -> Iterator[str]:
    """Serve directories meanwhile; gives the server's base URL."""
    with make_server(folders) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{_ADDRESS}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
