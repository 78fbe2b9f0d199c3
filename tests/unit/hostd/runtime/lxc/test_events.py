"""Events of containers: what follows from what is seen, and that nothing is missed, in plain directories.

test_events_cgroup.py has the kernel's own.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.runtime.lxc import events as module
from edgelinux_hostd.runtime.lxc.cgroup import Cgroup, slice_path
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime
from edgelinux_hostd.runtime.lxc.events import Seen, state_after
from edgelinux_hostd.runtime.lxc.watches import Watches

from .told import Told, listen

Make = Callable[..., Cgroup]
RUNNING, PAUSED, STOPPED = State.RUNNING, State.PAUSED, State.STOPPED

GUEST, FROZEN = Seen(guest=True, running=True), Seen(guest=True, frozen=True, running=True)
MONITOR, NOTHING = Seen(running=True), Seen()

# What is there while the guest is not: liblxc's monitor, what systemd runs when the unit ends, and the moment
# in which that is in neither of its places.
REBOOTS = {"container": 0, "monitor": 0, "monitor.pivot": 1}
ENDED = {"container": 0, "monitor": 0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cgroup").mkdir()
    return tmp_path / "cgroup"


def flickers(cgroup: Cgroup) -> None:
    (cgroup.unit / "cgroup.events").write_text("populated 1\nfrozen 0\n", encoding="ascii")


@pytest.mark.parametrize(
    ("before", "seen", "after"),
    [
        (STOPPED, GUEST, RUNNING),
        (STOPPED, FROZEN, PAUSED),
        (RUNNING, FROZEN, PAUSED),
        (PAUSED, GUEST, RUNNING),
        (RUNNING, NOTHING, STOPPED),
        (PAUSED, NOTHING, STOPPED),
        (RUNNING, MONITOR, RUNNING),
        (PAUSED, MONITOR, PAUSED),
        (STOPPED, MONITOR, STOPPED),
        (STOPPED, NOTHING, STOPPED),
    ],
)
def test_what_follows_from_what_is_seen(before: State, seen: Seen, after: State) -> None:
    assert state_after(before, seen) is after


def test_what_runs_already_is_told_when_it_changes(root: Path, container: Make) -> None:
    container("web1")
    container("web2", frozen=1)
    container("gone", **ENDED)
    container("reboots", **REBOOTS)

    async def steps(told: Told) -> None:
        container("web1", frozen=1)
        await told.expect(("web1", PAUSED))
        container("web2")
        await told.expect(("web2", RUNNING))
        container("web1", **ENDED)
        await told.expect(("web1", STOPPED))
        container("reboots", **ENDED)
        await told.expect(("reboots", STOPPED))
        container("gone")
        await told.expect(("gone", RUNNING))

    listen(root, steps)


def test_the_slice_comes_and_goes(root: Path, container: Make) -> None:
    async def steps(told: Told) -> None:
        for _ in range(2):
            container("web1")
            await told.expect(("web1", RUNNING))
            container("web2")
            await told.expect(("web2", RUNNING))
            shutil.rmtree(slice_path(root))
            await told.expect(("web1", STOPPED), ("web2", STOPPED))

    listen(root, steps)


def test_a_reboot_from_inside_is_no_end(root: Path, container: Make) -> None:
    container("web1")

    async def steps(told: Told) -> None:
        for _ in range(3):
            guest = container("web1", **REBOOTS).guest
            shutil.rmtree(guest)
            container("mark")
            await told.expect(("mark", RUNNING))
            container("web1")
            container("mark", **ENDED)
            await told.expect(("mark", STOPPED))
        # It is the new guest whose end is told.
        container("web1", frozen=1)
        await told.expect(("web1", PAUSED))
        container("web1", **ENDED)
        await told.expect(("web1", STOPPED))

    listen(root, steps)


def test_a_unit_that_ends_does_not_look_like_a_start(root: Path, container: Make) -> None:
    container("web1")

    async def steps(told: Told) -> None:
        container("web1", container=0)
        container("mark")
        await told.expect(("mark", RUNNING))  # web1's monitor has not ended yet
        container("web1", **ENDED)
        await told.expect(("web1", STOPPED))
        flickers(Cgroup("web1", root))
        container("mark", frozen=1)
        await told.expect(("mark", PAUSED))
        shutil.rmtree(Cgroup("web1", root).unit)
        container("mark")
        await told.expect(("mark", RUNNING))

    listen(root, steps)


def test_a_unit_that_begins_is_no_start_before_the_guest_is_there(root: Path, container: Make) -> None:
    async def steps(told: Told) -> None:
        container("web1", container=0, start=1)
        container("mark")
        await told.expect(("mark", RUNNING))
        container("web1")
        await told.expect(("web1", RUNNING))

    listen(root, steps)


def watching(root: Path) -> int:
    """How many descriptors there are for files below a directory, and for being told of changes."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            links.append(str(descriptor.readlink()))
    return sum(link.startswith(str(root)) or "inotify" in link for link in links)


def test_a_burst_of_many(root: Path, container: Make) -> None:
    names = [f"web{number}" for number in range(200)]

    async def steps(told: Told) -> None:
        # What other tests have left open would be closed at some moment of this one.
        gc.collect()
        before = watching(root)
        for wanted, parts in ((RUNNING, {}), (STOPPED, ENDED)):
            for name in names:
                container(name, **parts)
            while len(told.events) < len(names):
                await asyncio.sleep(0.01)
            assert sorted(told.events) == sorted((name, wanted) for name in names)
            told.events.clear()
        assert watching(root) == before, "each container costs descriptors"

    listen(root, steps)


def test_changes_that_the_kernel_could_not_keep(root: Path, container: Make) -> None:
    container("web1")
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))

    async def steps(told: Told) -> None:
        for number in range(limit // 2 + 1):
            path = slice_path(root) / f"other{number}"
            path.touch()
            path.unlink()
        container("web1", **ENDED)
        container("web2")
        await told.expect(("web1", STOPPED), ("web2", RUNNING))

    listen(root, steps)


def test_what_is_beside_is_nobodys(root: Path, container: Make) -> None:
    async def steps(told: Told) -> None:
        for path in ("machine.slice/a", "antlets.slice/vm.scope", "antlets.slice/antlet-lxc@.service"):
            (root / path).mkdir(parents=True)
        container("mark")
        await told.expect(("mark", RUNNING))

    listen(root, steps)


def test_who_listens_may_fail(
    root: Path, container: Make, driver: LxcRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()

    def callback(name: str, state: State) -> None:
        told.events.append((name, state))
        raise ValueError("no room")

    async def steps() -> None:
        driver.register_events(asyncio.get_running_loop(), callback)
        container("web1")
        await told.expect(("web1", RUNNING))
        container("web1", frozen=1)
        await told.expect(("web1", PAUSED))

    asyncio.run(asyncio.wait_for(steps(), 60))
    assert "cannot tell that web1 is Running" in caplog.text


def test_a_limit_on_watches_only_delays(
    root: Path, container: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.05)
    watch = Watches.watch
    full = [True]

    def limited(self: Watches, path: Path, mask: int) -> None:
        if full[0] and "web1" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        watch(self, path, mask)

    monkeypatch.setattr(Watches, "watch", limited)

    async def steps(told: Told) -> None:
        container("web1")
        await told.expect(("web1", RUNNING))
        container("web1", frozen=1)
        await told.expect(("web1", PAUSED))
        full[0] = False
        container("web1", **ENDED)
        await told.expect(("web1", STOPPED))

    listen(root, steps)
    assert "events of containers come late: cannot watch" in caplog.text


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_hostd_goes_on_without_events(driver: LxcRuntime, caplog: pytest.LogCaptureFixture) -> None:
    async def steps() -> None:
        loop = asyncio.get_running_loop()
        with no_more_descriptors():
            driver.register_events(loop, lambda _name, _state: None)

    asyncio.run(steps())
    assert "no events of containers: Too many open files" in caplog.text
