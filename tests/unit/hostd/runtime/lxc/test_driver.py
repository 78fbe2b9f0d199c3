"""The driver: what it runs, what it says when liblxc fails, what the files of cgroup v2 tell it."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.runtime.base import Launch, Runtime, State, Stats
from edgelinux_hostd.runtime.lxc import driver as module
from edgelinux_hostd.runtime.lxc.cgroup import Cgroup
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime

from ...conftest import Programs

Make = Callable[..., Cgroup]
LOG = """lxc-start web1 2026 ERROR    network - ../src/lxc/network.c:lxc_create:1 - No such device: bblv
lxc-start web1 2026 WARN     start - ../src/lxc/start.c:x:2 - never mind
lxc-start web1 2026 ERROR    start - ../src/lxc/start.c:lxc_spawn:3 - Failed to create the network
"""


def test_it_is_a_runtime(driver: LxcRuntime) -> None:
    runtime: Runtime = driver
    assert runtime.kind == "lxc"


@pytest.fixture
def starting(programs: Programs, container: Make, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Programs, of which `systemctl start` starts a container."""

    def run(argv: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
        if list(argv[:2]) == ["systemctl", "start"]:
            container()
        return programs.run(argv, **options)

    monkeypatch.setattr("edgelinux_hostd.run.subprocess.run", run)
    return programs


def test_a_container_that_ends_at_once_has_not_started(
    driver: LxcRuntime, launch: Callable[..., Launch], programs: Programs, tmp_path: Path
) -> None:
    with pytest.raises(EdgeLinuxError, match="antlet web1 does not start: its init ended at once"):
        driver.start(launch())
    assert not (tmp_path / "run/web1").exists()


def test_starting_writes_the_configuration_for_root_alone(
    driver: LxcRuntime, launch: Callable[..., Launch], starting: Programs, tmp_path: Path
) -> None:
    driver.start(launch())
    file = tmp_path / "run/web1/config"
    assert "lxc.uts.name = web1\n" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert starting.ran == [["systemctl", "start", "antlet-lxc@web1.service"]]


def test_starting_what_runs_does_nothing(
    driver: LxcRuntime, launch: Callable[..., Launch], programs: Programs, container: Make, tmp_path: Path
) -> None:
    container()
    driver.start(launch())
    assert programs.ran == []
    assert not (tmp_path / "run").exists()


def test_a_failed_start_tells_what_liblxc_said_and_leaves_nothing(
    driver: LxcRuntime,
    launch: Callable[..., Launch],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    ran: list[str] = []

    def run(argv: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
        ran.append(argv[1])
        if argv[1] == "start":
            (tmp_path / "run/web1/log").write_text(LOG, encoding="utf-8")
        return subprocess.CompletedProcess(
            list(argv), int(argv[1] == "start"), "", "Job failed, see journalctl"
        )

    monkeypatch.setattr("edgelinux_hostd.run.subprocess.run", run)
    with pytest.raises(EdgeLinuxError) as caught:
        driver.start(launch())
    assert str(caught.value) == (
        "antlet web1 does not start: No such device: bblv; Failed to create the network"
    )
    assert ran == ["start", "reset-failed"]
    assert not (tmp_path / "run/web1").exists()


def test_a_failed_start_without_a_log_tells_what_systemd_said(
    driver: LxcRuntime, launch: Callable[..., Launch], programs: Programs
) -> None:
    programs.answers["systemctl"] = (1, "", "Unit antlet-lxc@web1.service not found.")
    with pytest.raises(EdgeLinuxError, match=r"antlet web1 does not start: .*not found"):
        driver.start(launch())


def test_a_root_that_is_missing(
    driver: LxcRuntime, launch: Callable[..., Launch], programs: Programs
) -> None:
    given = launch()
    (given.directory / "rootfs/sbin/init").unlink()
    with pytest.raises(EdgeLinuxError, match="no /sbin/init in"):
        driver.start(given)
    (given.directory / "rootfs/sbin").rmdir()
    (given.directory / "rootfs").rmdir()
    with pytest.raises(EdgeLinuxError, match=r"no directory .*/web1/rootfs"):
        driver.start(given)
    assert programs.ran == []


@pytest.mark.parametrize(
    ("links", "there"),
    [
        ({"sbin": "usr/sbin", "usr/sbin/init": "../lib/systemd"}, True),
        ({"sbin": "/usr/sbin", "usr/sbin/init": "/usr/lib/systemd"}, True),
        ({"sbin": "usr/sbin"}, False),
        ({"sbin": "/../../../usr/lib", "usr/lib/init": "/../usr/lib/systemd"}, True),
        ({"sbin": "bin", "bin": "sbin"}, False),
    ],
)
def test_links_in_a_guest_s_root_mean_what_they_mean_to_the_guest(
    driver: LxcRuntime,
    launch: Callable[..., Launch],
    starting: Programs,
    links: dict[str, str],
    there: bool,
) -> None:
    given = launch()
    root = given.directory / "rootfs"
    (root / "sbin/init").unlink()
    (root / "sbin").rmdir()
    for directory in ("usr/lib", "usr/sbin"):
        (root / directory).mkdir(parents=True)
    (root / "usr/lib/systemd").touch()
    for path, target in links.items():
        (root / path).symlink_to(target)
    if there:
        driver.start(given)
    else:
        with pytest.raises(EdgeLinuxError, match="no /sbin/init in"):
            driver.start(given)


def test_states_take_no_program(driver: LxcRuntime, container: Make, programs: Programs) -> None:
    assert driver.states() == {}
    container("web1")
    container("my-db-2", frozen=1)
    container("gone", container=0, monitor=0)
    # The moment of a reboot: the guest's cgroup is gone, its monitor stands aside.
    container("reboots", container=0, monitor=0, **{"monitor.pivot": 1})
    # What systemd runs before and after is no container.
    container("starts", container=0, monitor=0, start=1)
    assert driver.states() == {"web1": State.RUNNING, "my-db-2": State.PAUSED, "reboots": State.RUNNING}
    assert programs.ran == []


def test_stopping_asks_and_tells_when_it_takes_too_long(
    driver: LxcRuntime, container: Make, programs: Programs
) -> None:
    container()
    programs.answers["lxc-stop"] = (1, "", "")
    assert driver.stop("web1", 7) is False
    assert programs.ran[0][-3:] == ["--nokill", "--timeout", "7"]
    assert driver.states() == {"web1": State.RUNNING}


def test_stopping_and_killing_what_is_gone_are_done(
    driver: LxcRuntime, programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "run/web1").mkdir(parents=True)
    assert driver.stop("web1", 7) is True
    driver.kill("web1")
    assert programs.ran == [["systemctl", "reset-failed", "antlet-lxc@web1.service"]]
    assert not (tmp_path / "run/web1").exists()


def test_no_job_of_a_unit_that_is_ending_is_waited_for(
    driver: LxcRuntime, container: Make, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the host goes down, such a job waits for who stops the antlets, and that would wait for it."""
    monkeypatch.setattr(module, "_SETTLE", 0)
    container("web1", container=0, monitor=0, start=1)
    (tmp_path / "run/web1").mkdir(parents=True)
    assert driver.stop("web1", 7) is True
    assert programs.ran == [
        ["systemctl", "--no-block", "stop", "antlet-lxc@web1.service"],
        ["systemctl", "reset-failed", "antlet-lxc@web1.service"],
    ]
    assert not (tmp_path / "run/web1").exists()


def test_what_does_not_die_is_told(
    driver: LxcRuntime, container: Make, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLE", 0)
    cgroup = container()
    with pytest.raises(EdgeLinuxError, match="antlet web1 does not end"):
        driver.kill("web1")
    assert (cgroup.guest / "cgroup.kill").read_text(encoding="ascii") == "1"
    assert programs.ran == [["systemctl", "kill", "--signal=SIGKILL", "antlet-lxc@web1.service"]]


def test_pausing_twice_is_pausing_once(driver: LxcRuntime, container: Make) -> None:
    cgroup = container(frozen=1)
    driver.pause("web1")
    assert (cgroup.guest / "cgroup.freeze").read_text(encoding="ascii") == "1"


@pytest.mark.parametrize("verb", ["pause", "resume", "stats", "console"])
def test_what_does_not_run(driver: LxcRuntime, verb: str) -> None:
    with pytest.raises(NotFoundError, match="antlet web1 does not run"):
        getattr(driver, verb)("web1")


@pytest.mark.parametrize("verb", ["pause", "kill", "clear", "stats"])
@pytest.mark.parametrize("name", ["../etc", "a@b", "-x", ""])
def test_names_that_are_none(driver: LxcRuntime, programs: Programs, verb: str, name: str) -> None:
    with pytest.raises(InvalidError, match="cannot name an antlet"):
        getattr(driver, verb)(name)
    assert programs.ran == []


def test_leftovers_are_found_and_cleared(
    driver: LxcRuntime, container: Make, programs: Programs, tmp_path: Path
) -> None:
    container("runs")
    container("crashed", container=0, monitor=0)
    for name in ("runs", "killed"):
        (tmp_path / "run" / name).mkdir(parents=True)
    programs.answers["systemctl"] = (0, "antlet-lxc@failed.service loaded failed failed Antlet failed\n", "")
    assert driver.leftovers() == {"crashed", "killed", "failed"}
    driver.clear("killed")
    assert not (tmp_path / "run/killed").exists()
    with pytest.raises(RefusedError, match="antlet runs runs"):
        driver.clear("runs")
    assert (tmp_path / "run/runs").exists()


def test_stats_are_the_guest_s(
    driver: LxcRuntime, container: Make, launch: Callable[..., Launch], tmp_path: Path, starting: Programs
) -> None:
    driver.start(launch(nics=[{}, {"type": "bridge", "source": "br0"}]))
    cgroup = container()
    files = {
        "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        "memory.current": "1000\n",
        "memory.stat": "anon 1\ninactive_file 300\n",
        "memory.max": "268435456\n",
        "io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=5 wbytes=0 rios=1\n",
        "pids.current": "12\n",
    }
    for file, text in files.items():
        (cgroup.guest / file).write_text(text, encoding="ascii")
    for port, received, sent in (("antlet25", 7, 70), ("antlet25-1", 1, 30)):
        directory = tmp_path / "sys/class/net" / port / "statistics"
        directory.mkdir(parents=True)
        (directory / "rx_bytes").write_text(f"{received}\n", encoding="ascii")
        (directory / "tx_bytes").write_text(f"{sent}\n", encoding="ascii")
    assert driver.stats("web1") == Stats(
        2.5, 700, 268435456, 15, 20, net_received=100, net_sent=8, processes=12
    )


def test_limits_change_at_once_and_the_rest_is_named(
    driver: LxcRuntime, container: Make, launch: Callable[..., Launch], tmp_path: Path, starting: Programs
) -> None:
    driver.start(launch())
    cgroup = container()
    assert driver.apply(launch(ram=512, cpu=2, nics=[], number=26)) == ("nics", "number")
    assert (cgroup.guest / "memory.max").read_text(encoding="ascii") == str(512 << 20)
    assert (cgroup.guest / "cpu.max").read_text(encoding="ascii") == "200000 100000"
    limits = (tmp_path / "run/web1/limits").read_text(encoding="ascii")
    assert f"memory.max {512 << 20}\n" in limits


def test_memory_that_is_in_use_is_not_taken_away(
    driver: LxcRuntime, container: Make, launch: Callable[..., Launch], tmp_path: Path, starting: Programs
) -> None:
    driver.start(launch())
    cgroup = container()
    (cgroup.guest / "memory.current").write_text(str(200 << 20), encoding="ascii")
    assert driver.apply(launch(ram=128)) == ("ram",)
    assert not (cgroup.guest / "memory.max").exists()
    assert (cgroup.guest / "memory.high").read_text(encoding="ascii") == "max"
    assert "memory.max" not in (tmp_path / "run/web1/limits").read_text(encoding="ascii")
