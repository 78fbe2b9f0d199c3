"""Serves a mirror on this host, and says what has a build take it."""

from __future__ import annotations

from http.server import ThreadingHTTPServer
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build import loopback
from edgelinux_build.images import Base
from edgelinux_build.repositories import variable_of

from .suite import ARCHIVE, SECURITY

__all__ = ["make_server", "variables"]


def variables(base: Base, folder: Path, url: str = "") -> dict[str, str]:
    """Return the environment variables with which builds take the mirror in `folder`, served at `url` or not.

    An apt archive has to be served; without `url` there are none for it.
    """
    place = url or str(folder)
    if base.mirrors.repositories:
        return {
            variable_of(repository): f"{place}/{repository.id}" for repository in base.mirrors.repositories
        }
    if not url:
        return {}
    found = {"EDGELINUX_MIRROR": f"{url}/{ARCHIVE}"}
    if base.mirrors.security_probe:
        found["EDGELINUX_SECURITY_MIRROR"] = f"{url}/{SECURITY}"
    return found


def make_server(folder: Path, port: int) -> tuple[ThreadingHTTPServer, str]:
    """Return a server of a mirror's directories, on this host only, and its URL; port 0 is any that is free.

    Raises EdgeLinuxError.
    """
    try:
        server = loopback.make_server({path.name: path for path in folder.iterdir() if path.is_dir()}, port)
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot serve on port {port} of this host: {error.strerror}", hint="name another with --port"
        ) from error
    return server, f"http://127.0.0.1:{server.server_port}"
