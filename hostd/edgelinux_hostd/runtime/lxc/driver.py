"""Runs containers: liblxc's commands in a systemd unit each, everything else by cgroup v2's files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgelinux_hostd.antlets.names import check_antlet_name
from edgelinux_hostd.errors import CommandError, EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.run import run
from edgelinux_hostd.runtime.base import Launch, State, Stats
from edgelinux_hostd.runtime.lxc import config, live
from edgelinux_hostd.runtime.lxc.cgroup import ROOT, Cgroup, cgroups, unit_name
from edgelinux_hostd.runtime.lxc.console import open_console
from edgelinux_hostd.runtime.lxc.domain import parse_domain
from edgelinux_hostd.runtime.lxc.events import Callback, Events
from edgelinux_hostd.runtime.lxc.facts import Facts, read_facts
from edgelinux_hostd.runtime.lxc.guestpath import exists_below
from edgelinux_hostd.runtime.lxc.limits import parse_cpu_list
from edgelinux_hostd.runtime.lxc.stats import read_stats

__all__ = ["LxcRuntime"]

log = logging.getLogger("edgelinux.lxc")

# A line of liblxc's log: "lxc-start NAME TIME ERROR part - file.c:function:line - words". What is said first
# is the cause, the rest follows from it.
_ERROR = re.compile(r" ERROR .*? - \S+:\S+:\d+ - (.*)")
_LOG_LINES = 3
# What the kernel and systemd may take to clear up after the last process is gone.
_SETTLE = 10.0
_FLICKER = 2.0


class LxcRuntime:
    """The driver for containers. `run_directory`, `cgroup` and `root` are elsewhere in tests only."""

    kind = "lxc"

    def __init__(
        self,
        run_directory: Path = Path(config.DIRECTORY),
        cgroup: Path = ROOT,
        root: Path = Path("/"),
    ) -> None:
        self._directory = run_directory
        self._cgroup = cgroup
        self._root = root

    def register_events(self, loop: asyncio.AbstractEventLoop, callback: Callback) -> None:
        """Call `callback(name, state)` on the loop's thread whenever a container's state changes from now on.

        To be called on that thread. Where the kernel's limits forbid it there are no events, with a warning.
        """
        try:
            Events(loop, callback, self._cgroup)
        except OSError as error:
            log.warning("no events of containers: %s", error.strerror)

    def states(self) -> Mapping[str, State]:
        """Map the names of containers that run or are paused to their states; starts no program."""
        return {
            found.name: State.PAUSED if found.frozen() else State.RUNNING
            for found in cgroups(self._cgroup)
            if found.running()
        }

    def start(self, launch: Launch) -> None:
        """Start a container; returns when its init runs. Raises EdgeLinuxError with liblxc's own words."""
        name = launch.spec.name
        if Cgroup(name, self._cgroup).running():
            return
        text = config.render_config(launch, self._facts(name))
        _check_root(launch)
        self.clear(name)
        self._write(name, text)
        try:
            run(["systemctl", "start", unit_name(name)])
        except CommandError as error:
            raise self._failed(name, error.message) from error
        cgroup = Cgroup(name, self._cgroup)
        if not cgroup.populated():
            cgroup.wait(seconds=_SETTLE)
            raise self._failed(name, "its init ended at once")

    def stop(self, name: str, timeout: float) -> bool:
        """Ask init to shut down and wait at most `timeout` seconds; true when the container is gone."""
        cgroup = Cgroup(check_antlet_name(name), self._cgroup)
        if cgroup.running():
            if cgroup.frozen():
                self.resume(name)
            seconds = str(max(1, round(timeout)))
            done = run(
                ["lxc-stop", "-P", self._directory, "-n", name, "--nokill", "--timeout", seconds], check=False
            )
            if not cgroup.wait(seconds=_SETTLE if done.returncode == 0 else 0):
                return False
        self.clear(name)
        return True

    def kill(self, name: str) -> None:
        """End a container at once and leave nothing of it; raises EdgeLinuxError when it does not die."""
        cgroup = Cgroup(check_antlet_name(name), self._cgroup)
        if cgroup.running():
            # The guest alone: liblxc's monitor then clears up after it and ends.
            with contextlib.suppress(EdgeLinuxError):
                cgroup.write("cgroup.kill", "1")
            if not cgroup.wait(seconds=_SETTLE):
                run(["systemctl", "kill", "--signal=SIGKILL", unit_name(name)], check=False)
                if not cgroup.wait(seconds=_SETTLE):
                    raise EdgeLinuxError(
                        f"antlet {name} does not end", hint="a process of it hangs in the kernel: see dmesg"
                    )
        self.clear(name)

    def pause(self, name: str) -> None:
        """Freeze a running container."""
        self._freeze(name, True)

    def resume(self, name: str) -> None:
        """Let a paused container go on."""
        self._freeze(name, False)

    def apply(self, launch: Launch) -> tuple[str, ...]:
        """Set a running container's memory, processors and processes; names what waits for its next start."""
        cgroup = self._running(launch.spec.name)
        facts = self._facts(launch.spec.name)
        return live.apply(cgroup, self._directory / launch.spec.name, launch, facts)

    def stats(self, name: str) -> Stats:
        """Read what a running container uses."""
        cgroup = self._running(name)
        return read_stats(cgroup, self._path(name), self._root)

    def console(self, name: str) -> int:
        """Open the container's console, with its login prompt; gives a terminal's file descriptor."""
        self._running(name)
        return open_console(self._directory, name)

    def leftovers(self) -> frozenset[str]:
        """Name the containers that do not run and of which something is left: a directory, a failed unit."""
        names = {found.name for found in cgroups(self._cgroup)}
        with contextlib.suppress(FileNotFoundError):
            names |= {path.name for path in self._directory.iterdir() if path.is_dir()}
        pattern = unit_name("*")
        listed = run(["systemctl", "list-units", "--failed", "--plain", "--no-legend", pattern], check=False)
        for line in listed.stdout.splitlines():
            words = line.split()
            if words and words[0].startswith(unit_name("*").split("*")[0]):
                names.add(words[0].split("@", 1)[1].removesuffix(".service"))
        return frozenset(name for name in names if not Cgroup(name, self._cgroup).running())

    def clear(self, name: str) -> None:
        """Remove what is left of a container that does not run; raises RefusedError when it does."""
        cgroup = Cgroup(check_antlet_name(name), self._cgroup)
        # What systemd runs as the unit ends looks for a moment as if the container ran.
        if not cgroup.wait(seconds=_FLICKER):
            raise RefusedError(f"antlet {name} runs", hint="stop it first")
        directory = self._directory / name
        if not directory.exists():
            return
        # The unit ends by itself, and can then be started again at once. No job of systemd's is waited for:
        # while the host goes down, a container's waits for those who stop the antlets, in their turn.
        if not cgroup.settle(seconds=_SETTLE):
            run(["systemctl", "--no-block", "stop", unit_name(name)], check=False)
            cgroup.settle(seconds=_SETTLE)
        run(["systemctl", "reset-failed", unit_name(name)], check=False)
        shutil.rmtree(directory, ignore_errors=True)

    def _failed(self, name: str, otherwise: str) -> EdgeLinuxError:
        said = self._said(name) or otherwise
        with contextlib.suppress(EdgeLinuxError):
            self.clear(name)
        return EdgeLinuxError(f"antlet {name} does not start: {said}")

    def _freeze(self, name: str, frozen: bool) -> None:
        cgroup = self._running(name)
        cgroup.write("cgroup.freeze", "1" if frozen else "0")
        if not cgroup.wait(frozen=frozen, seconds=_SETTLE):
            raise EdgeLinuxError(
                f"antlet {name} cannot be {'paused' if frozen else 'resumed'} within {_SETTLE:g} s"
            )

    def _running(self, name: str) -> Cgroup:
        cgroup = Cgroup(check_antlet_name(name), self._cgroup)
        if not cgroup.running():
            raise NotFoundError(f"antlet {name} does not run", hint=f"antlet start {name}")
        return cgroup

    def _facts(self, name: str) -> Facts:
        others = (found for found in cgroups(self._cgroup) if found.name != name and found.running())
        busy = (parse_cpu_list(found.read("cpuset.cpus")) for found in others)
        return read_facts(self._root, tuple(cpus for cpus in busy if cpus))

    def _path(self, name: str) -> Path:
        return self._directory / name / "config"

    def _write(self, name: str, text: str) -> None:
        path = self._path(name)
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        scratch.replace(path)

    def _said(self, name: str) -> str:
        """Give the last errors of liblxc's log, without its columns."""
        try:
            text = (self._directory / name / "log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        said = [match[1].strip() for line in text.splitlines() if (match := _ERROR.search(line))]
        return "; ".join(dict.fromkeys(said[:_LOG_LINES]))


def _check_root(launch: Launch) -> None:
    """Say in one line what liblxc would say in ten."""
    name = launch.spec.name
    domain = parse_domain(launch.xml, name, launch.directory)
    if not domain.rootfs.is_dir():
        raise EdgeLinuxError(f"antlet {name} does not start: no directory {domain.rootfs}")
    if not exists_below(domain.rootfs, domain.init[0]):
        raise EdgeLinuxError(f"antlet {name} does not start: no {domain.init[0]} in {domain.rootfs}")
