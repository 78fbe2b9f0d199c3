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

__all__ = ["serving"]


@contextlib.contextmanager
def serving(folders: Mapping[str, Path]) -> Iterator[str]:
    """Serve directories, each below its name, for reading; gives the server's base URL.

    Nothing outside them is served, and no listing.
    """
    roots = {name: folder.resolve() for name, folder in folders.items()}

    class Handler(SimpleHTTPRequestHandler):
        """Gives files below the roots."""

        def translate_path(self, path: str) -> str:
            """Return the file that a URL's path names; none for what is not below a root."""
            name, _, below = unquote(urlsplit(path).path).lstrip("/").partition("/")
            root = roots.get(name)
            file = (root / below).resolve() if root else None
            allowed = file is not None and root is not None and file.is_relative_to(root) and file.is_file()
            return str(file) if allowed else "/dev/null/none"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the program that asks says what it misses."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
