"""What hostd costs in an installed guest: antlets against bare commands, many of them, and doing nothing."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from statistics import median
from typing import Any

from edgelinux_build.qemu import media, session
from edgelinux_build.qemu.install import wait_for_end, wait_for_installer, wait_until_up

from tests.bench.antletscripts import BARE, COMMAND, CREATE, DELETE, LIST, SIZES, START, TICKS, UNIT
from tests.bench.guest import build_iso
from tests.bench.report import Figure, Report
from tests.e2e.lab import Lab

__all__ = ["measure_antlets", "measure_host"]

# Runs of each, one after the other, so that what else the machine does falls on both.
RUNS = 7
LIST_RUNS = 7
IDLE = 60


def measure_antlets(report: Report, scratch: Path, artefacts: Path) -> None:
    """Installs a guest and measures its hostd from the first boot on."""
    lab = Lab(artefacts, scratch / "antlets-lab")
    site = scratch / "antlets.site.yaml"
    site.write_text(f'unattended: true\nroot:\n  ssh_keys: ["{lab.public_key}"]\n')
    iso = build_iso(scratch / "antlets", site)
    facts = media.read_iso(iso, scratch / "antlets-facts")
    wishes = session.Wishes("bench-antlets", iso=iso, new_disks=("12G", "12G"))
    with lab.start(wishes, lab.accel(iso)) as vm:
        wait_for_installer(vm, facts)
        wait_for_end(vm)
        wait_until_up(vm)
        measure_host(report, lab.ssh(vm))


def measure_host(report: Report, host: Any) -> None:
    """Measures a host on its first boot, which has no antlets yet."""
    host.run("timeout 300 systemctl is-system-running --wait")
    report.add(Figure("hostd ready after multi-user.target", _ready(host), "s", 15))
    empty = _listing(host)
    _creating_and_starting(report, host)
    seconds = [_create(host, number) for number in range(10, 60)]
    _idle(report, host, 50)
    seconds += [_create(host, number) for number in range(60, 110)]
    first, last = sum(seconds[:10]) / 10, sum(seconds[90:]) / 10
    report.add(Figure("creating the 91st to 100th antlet", last, "s", 1.3, first))
    for number in range(110, 210):
        _create(host, number)
    full = _listing(host)
    report.add(
        Figure("antlet list of 200", full["command"], "s", 2, empty["command"]),
        Figure("the API's list of 200", full["api"], "s", None, empty["api"]),
        Figure("hostd's memory with 200 antlets", _megabytes(host)["VmRSS"], "MB", 96),
    )


def _ready(host: Any) -> float:
    """Seconds from multi-user.target to hostd's "ready"; 0 when it was ready before.

    org.freedesktop.systemd1(5): microseconds since the kernel started.
    """

    def stamp(unit: str) -> float:
        show = "systemctl show --value --property=ActiveEnterTimestampMonotonic %s"
        return int(host.check_output(show, unit)) / 1e6

    return max(0.0, stamp("hostd.service") - stamp("multi-user.target"))


def _seconds(host: Any, script: str, *words: object) -> dict[str, float]:
    """Runs a script whose lines are names and milliseconds."""
    done = host.run("bash -c %s bench " + " ".join(["%s"] * len(words)), script, *map(str, words))
    assert done.rc == 0, f"{done.stdout}{done.stderr}"
    return parse(done.stdout)


def parse(text: str) -> dict[str, float]:
    """Read lines of "took NAME MILLISECONDS", as seconds."""
    return {name: int(ms) / 1000 for name, ms in re.findall(r"^took (\S+) (\d+)$", text, re.MULTILINE)}


def _creating_and_starting(report: Report, host: Any) -> None:
    """The job against `zfs clone` and `lxc-start`: a call that waits for its end, from outside hostd.

    The call, since it is what hostd adds to the bare commands. What the command takes besides, Python's start
    above all, is the same for all commands, and a figure by itself.
    """
    jobs: list[float] = []
    commands: list[float] = []
    bare: list[dict[str, float]] = []
    units: list[float] = []
    for _ in range(RUNS):
        bare.append(_seconds(host, BARE, 240, "bench-bare"))
        body = {
            "dname": "bench-api",
            "template": "debian-13.lxc",
            "antlet-num": 240,
            "ram": 256,
            "start": True,
        }
        jobs.append(_seconds(host, CREATE, json.dumps(body))["api"])
        units.append(_seconds(host, UNIT, "bench-api")["unit"])
        _seconds(host, DELETE, "bench-api")
        commands.append(_seconds(host, COMMAND, "bench-command", 240)["command"])
        _seconds(host, DELETE, "bench-command")
    middle = {name: median(run[name] for run in bare) for name in bare[0]}
    report.add(
        Figure("create and start a container", median(jobs), "s", 1.3, sum(middle.values()), {}, middle),
        Figure("the same by the command", median(commands), "s", None, sum(middle.values())),
        Figure(
            "`zfs clone` and the unit started by hand",
            middle["clone"] + median(units),
            "s",
            None,
            sum(middle.values()),
        ),
        Figure("`antlet --help`, the command's own start", _seconds(host, START)["start"], "s"),
    )


def _create(host: Any, number: int) -> float:
    body = {"dname": f"bench{number}", "template": "debian-13.lxc", "antlet-num": number, "ram": 128}
    return _seconds(host, CREATE, json.dumps(body))["api"]


def _listing(host: Any) -> dict[str, float]:
    runs = [_seconds(host, LIST) for _ in range(LIST_RUNS)]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _megabytes(host: Any) -> dict[str, float]:
    text = host.check_output("bash -c %s", SIZES)
    return {
        name: int(kib) * 1024 / 1e6 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)
    }


def _idle(report: Report, host: Any, antlets: int) -> None:
    """An idle minute: the jobs are over, nobody calls, two antlets run."""
    for number in (10, 11):
        host.check_output("antlet start bench%s", str(number))
    # What the last job has left to do, and the guests' own booting, is not idleness.
    time.sleep(30)
    used, hertz = (int(word) for word in host.check_output("bash -c %s bench %s", TICKS, str(IDLE)).split())
    sizes = _megabytes(host)
    report.add(
        Figure(f"hostd's CPU time in {IDLE} s, {antlets} antlets, 2 running", 1000 * used / hertz, "ms", 20),
        Figure(f"hostd's memory with {antlets} antlets", sizes["VmRSS"], "MB", 96, None, sizes),
    )
