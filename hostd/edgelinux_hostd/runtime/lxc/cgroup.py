"""A container's part of cgroup v2 (cgroup-v2.rst): its unit's directory and, below it, the guest's own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["PARTS", "ROOT", "Cgroup", "antlet_name", "cgroup_path", "cgroups", "slice_path", "unit_name"]

ROOT = Path("/sys/fs/cgroup")
_SLICE = "antlets.slice"
_PREFIX, _SUFFIX = "antlet-lxc@", ".service"
_PAUSE = 0.02

# The cgroups in a unit's (lxc.cgroup.dir.*): the guest's, that of liblxc's monitor, and where that goes to
# delete the others.
PARTS = ("container", "monitor", "monitor.pivot")


def unit_name(name: str) -> str:
    """Name the systemd unit that a container runs in."""
    return f"{_PREFIX}{name}{_SUFFIX}"


def antlet_name(unit: str) -> str:
    """Name the container that runs in a systemd unit; "" when it is a unit of something else."""
    if unit.startswith(_PREFIX) and unit.endswith(_SUFFIX):
        return unit[len(_PREFIX) : -len(_SUFFIX)]
    return ""


# And those in which systemd runs the unit's own commands.
_SYSTEMD = ("start", ".control")


def slice_path(root: Path = ROOT) -> Path:
    """Give the cgroup that holds all containers' units, there or not."""
    return root / _SLICE


def cgroup_path(name: str) -> str:
    """Give the place of a container's unit in the tree of cgroups."""
    return f"{_SLICE}/{unit_name(name)}"


@dataclass(frozen=True)
class Cgroup:
    """The directories of antlet `name` below `root`, there or not."""

    name: str
    root: Path = ROOT

    @property
    def unit(self) -> Path:
        """Give the unit's: liblxc's monitor and the guest."""
        return self.root / cgroup_path(self.name)

    @property
    def guest(self) -> Path:
        """Give the guest's, which is its `/` in /sys/fs/cgroup."""
        return self.unit / "container"

    def running(self) -> bool:
        """Say whether the container is there, also in the moments of a reboot when its monitor moves about.

        The unit's own cgroup alone would not tell: what systemd runs there counts too.
        """
        if any(_populated(self.unit / part) for part in PARTS):
            return True
        return _populated(self.unit) and not any(_populated(self.unit / part) for part in _SYSTEMD)

    def populated(self) -> bool:
        """Say whether the guest has processes; liblxc's monitor outlives it for a moment."""
        return _populated(self.guest)

    def frozen(self) -> bool:
        """Say whether the guest is frozen."""
        return _events(self.guest).get("frozen") == 1

    def read(self, file: str) -> str:
        """Read a file of the guest's, "" when it is not there."""
        try:
            return (self.guest / file).read_text(encoding="ascii").strip()
        except OSError:
            return ""

    def number(self, file: str) -> int:
        """Read a file that holds one number, 0 for anything else ("max")."""
        text = self.read(file)
        return int(text) if text.isdecimal() else 0

    def table(self, file: str) -> dict[str, int]:
        """Read a file of keys and numbers, one each line."""
        return _table(self.read(file))

    def write(self, file: str, value: str) -> None:
        """Write a file of the guest's; raises EdgeLinuxError."""
        try:
            (self.guest / file).write_text(value, encoding="ascii")
        except OSError as error:
            raise EdgeLinuxError(
                f"antlet {self.name}: cannot set {file} to {value}: {error.strerror}"
            ) from error

    def wait(self, *, frozen: bool | None = None, seconds: float) -> bool:
        """Wait until the container is gone, or its guest is frozen or thawed; false when it takes longer."""
        return _until(lambda: not self.running() if frozen is None else self.frozen() == frozen, seconds)

    def settle(self, *, seconds: float) -> bool:
        """Wait until nothing of the unit runs, systemd's commands included; false when it takes longer."""
        return _until(lambda: not _populated(self.unit), seconds)


def cgroups(root: Path = ROOT) -> Iterator[Cgroup]:
    """List the containers that have a cgroup, running or not."""
    directories: list[Path] = []
    with contextlib.suppress(OSError):
        directories = sorted(slice_path(root).iterdir())
    for path in directories:
        if name := antlet_name(path.name):
            yield Cgroup(name, root)


def _until(there: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE)
    return True


def _events(directory: Path) -> dict[str, int]:
    try:
        return _table((directory / "cgroup.events").read_text(encoding="ascii"))
    except OSError:
        return {}


def _populated(directory: Path) -> bool:
    return _events(directory).get("populated") == 1


def _table(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
