"""The build host's own dnf, while diskimage-builder calls it: with our configuration, not the host's."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from .process import NOT_SET_UP

__all__ = ["configure", "private_dnf"]

_ETC = Path("/etc/dnf")
PLUGIN = "usr/lib/python3*/*-packages/dnf-plugins/download.py"
"""Below the root: where Debian and EL have what downloads packages."""
# Debian's dnf comes with every plugin switched on, and one keeps a repository of its own, which is empty.
_PLUGINS = "edgelinux-plugins"
# Nothing but what the elements name, the newest of it, and no repository passed over in silence. Packages may
# need files by their path: EL 10's dnf reads their lists only when asked to (dnf.conf(5)); others ignore it.
_CONFIGURATION = f"""\
[main]
gpgcheck=1
install_weak_deps=0
best=1
skip_if_unavailable=0
optional_metadata_types=filelists
pluginpath={_ETC / _PLUGINS}
"""


def configure(folder: Path, plugin: Path) -> None:
    """Write dnf's configuration (dnf.conf(5)) into a new directory, with one plugin that is on."""
    (folder / _PLUGINS).mkdir(parents=True)
    (folder / "dnf.conf").write_text(_CONFIGURATION, encoding="utf-8")
    (folder / _PLUGINS / plugin.name).symlink_to(plugin)


@contextlib.contextmanager
def private_dnf(scratch: Path) -> Iterator[None]:
    """Lay our configuration over the build host's, in the build's own mount namespace.

    Raises EdgeLinuxError when the build host has no dnf that can download packages.
    """
    plugin = next(Path("/").glob(PLUGIN), None)
    if shutil.which("dnf") is None or plugin is None or not _ETC.is_dir():
        raise EdgeLinuxError("this build host has no dnf", hint=NOT_SET_UP)
    configure(scratch / "dnf", plugin)
    run(["mount", "--bind", scratch / "dnf", _ETC])
    try:
        yield
    finally:
        run(["umount", _ETC])
