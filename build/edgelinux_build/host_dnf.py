"""The build host's dnf and rpm, as diskimage-builder calls them: with our configuration, not the host's."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from .images import Base
from .process import NOT_SET_UP
from .rpm_repositories import architectures, basearch

__all__ = ["configure", "private_dnf"]

_ETC = Path("/etc/dnf")
PLUGIN = "usr/lib/python3*/*-packages/dnf-plugins/download.py"
"""Below the root: where Debian and EL have what downloads packages."""
# Debian's dnf comes with every plugin switched on, and one keeps a repository of its own, which is empty.
_PLUGINS = "edgelinux-plugins"
_ARCHITECTURES = Path(__file__).with_name("dnf_architectures.py")
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
pluginconfpath={_ETC / _PLUGINS}
"""
# Pairs of ours and theirs, then -- and the command.
_OVER = 'while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec "$@"'


def configure(folder: Path, plugin: Path, arches: Sequence[str] = ()) -> None:
    """Write dnf's configuration (dnf.conf(5)) into a new directory, with one plugin that is on.

    `arches` are taken in place of those that dnf takes by itself, the best first, by a plugin of ours.
    """
    plugins = folder / _PLUGINS
    plugins.mkdir(parents=True)
    (folder / "dnf.conf").write_text(_CONFIGURATION, encoding="utf-8")
    (plugins / plugin.name).symlink_to(plugin)
    if arches:
        (plugins / _ARCHITECTURES.name).symlink_to(_ARCHITECTURES)
        text = f"[main]\narchitectures={':'.join(arches)}\n"
        (plugins / _ARCHITECTURES.with_suffix(".conf").name).write_text(text, encoding="utf-8")


def private_dnf(scratch: Path, base: Base) -> tuple[str | Path, ...]:
    """Return what a command is put behind to have our configuration lie over the build host's, for it alone.

    It runs in a mount namespace of its own: trees of several bases are made at the same time. Raises
    EdgeLinuxError when the build host has no dnf that can download packages.
    """
    plugin = next(Path("/").glob(PLUGIN), None)
    if shutil.which("dnf") is None or plugin is None or not _ETC.is_dir():
        raise EdgeLinuxError("this build host has no dnf", hint=NOT_SET_UP)
    arches, plain = architectures(base), basearch(base)
    over = {scratch / "dnf": _ETC}
    if arches[0] == plain:
        configure(scratch / "dnf", plugin)
    else:
        configure(scratch / "dnf", plugin, arches)
        over[scratch / "rpmrc"] = _compatible(scratch / "rpmrc", plain, arches)
    pairs = (path for pair in over.items() for path in pair)
    return ("unshare", "--mount", "sh", "-ec", _OVER, "sh", *pairs, "--")


def _compatible(file: Path, plain: str, arches: Sequence[str]) -> Path:
    """Write rpm's configuration (rpmrc in rpm(8)) with what may be installed; gives the file it is laid over.

    Not ~/.rpmrc, as sudo takes diskimage-builder's rpm to root's home.
    """
    theirs = Path(run(["rpm", "--eval", "%{_rpmconfigdir}"]).stdout.strip()) / "rpmrc"
    # The last line of several counts.
    line = f"arch_compat: {plain}: {' '.join(arches)}\n"
    file.write_text(theirs.read_text(encoding="utf-8") + line, encoding="utf-8")
    return theirs
