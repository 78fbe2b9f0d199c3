"""Events of containers, told by the kernel: real cgroups with processes in them, laid out as liblxc does."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.lxc.cgroup import Cgroup, slice_path

from .told import Told, listen

RUNNING, PAUSED, STOPPED = State.RUNNING, State.PAUSED, State.STOPPED


def remove(directory: Path) -> None:
    """Remove a cgroup with those below it."""
    for inner in sorted(directory.rglob("*/"), reverse=True):
        inner.rmdir()
    directory.rmdir()


@pytest.fixture
def root() -> Iterator[Path]:
    """A cgroup of this test's alone."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    places = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    if not places:
        pytest.skip("no cgroup v2 is mounted")
    place = Path(places[0]) / f"edgelinux-test-{os.getpid()}"
    try:
        place.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error.strerror}")
    yield place
    remove(place)


class Container:
    """Processes in the cgroups of a container."""

    def __init__(self, name: str, root: Path) -> None:
        self.cgroup = Cgroup(name, root)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, part: str) -> None:
        """Begin a part with a process in it."""
        directory = self.cgroup.unit / part
        directory.mkdir(parents=True, exist_ok=True)
        process = self.processes[part] = subprocess.Popen(["sleep", "1000"])
        (directory / "cgroup.procs").write_text(str(process.pid), encoding="ascii")

    def end(self, part: str) -> None:
        """End a part's process."""
        process = self.processes.pop(part)
        process.kill()
        process.wait()

    def freeze(self, frozen: bool) -> None:
        """Freeze or thaw the guest."""
        self.cgroup.write("cgroup.freeze", str(int(frozen)))


@pytest.fixture
def containers(root: Path) -> Iterator[tuple[Container, Container]]:
    made = Container("web1", root), Container("web2", root)
    yield made
    for one in made:
        for part in list(one.processes):
            one.end(part)


def test_a_container_s_life(root: Path, containers: tuple[Container, Container]) -> None:
    web1, web2 = containers

    async def steps(told: Told) -> None:
        for _ in range(2):
            web1.begin("monitor")
            web1.begin("container")
            await told.expect(("web1", RUNNING))
            web1.freeze(True)
            await told.expect(("web1", PAUSED))
            web1.freeze(False)
            await told.expect(("web1", RUNNING))

            # It reboots, of which nothing is told.
            web1.end("container")
            web1.cgroup.guest.rmdir()
            web2.begin("container")
            await told.expect(("web2", RUNNING))
            web1.begin("container")
            web1.freeze(True)
            await told.expect(("web1", PAUSED))

            # It is killed, of which nothing is told before its monitor has ended, too.
            web1.end("container")
            web2.end("container")
            await told.expect(("web2", STOPPED))
            web1.end("monitor")
            await told.expect(("web1", STOPPED))
            remove(slice_path(root))

    listen(root, steps)


def watched() -> int:
    """Count the watches that this process has."""
    count = 0
    for file in Path("/proc/self/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            count += file.read_text(encoding="ascii").count("inotify wd:")
    return count


def test_what_is_gone_is_not_kept_by_watching_it(root: Path, containers: tuple[Container, Container]) -> None:
    """The kernel keeps a cgroup in memory for as long as a file of it is watched."""
    web1, web2 = containers

    async def steps(told: Told) -> None:
        web2.begin("container")
        await told.expect(("web2", RUNNING))
        before = watched()
        for _ in range(3):
            web1.begin("container")
            await told.expect(("web1", RUNNING))
            assert watched() > before
            web1.end("container")
            await told.expect(("web1", STOPPED))
            remove(web1.cgroup.unit)
            web2.freeze(True)
            await told.expect(("web2", PAUSED))
            assert watched() == before
            web2.freeze(False)
            await told.expect(("web2", RUNNING))

    listen(root, steps)
