"""What a container may use, and on which processors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.lxc.domain import parse_domain
from edgelinux_hostd.runtime.lxc.facts import read_facts
from edgelinux_hostd.runtime.lxc.limits import limits, parse_cpu_list, pick_cpus


@pytest.mark.parametrize(
    ("count", "busy", "picked"),
    [
        (1, [], (0,)),
        (2, [(0, 1)], (2, 3)),
        (2, [(0, 1), (2, 3), (0,)], (1, 2)),
        (4, [(0,)], ()),
        (9, [], ()),
    ],
)
def test_the_idlest_processors_are_picked(
    count: int, busy: list[tuple[int, ...]], picked: tuple[int, ...]
) -> None:
    assert pick_cpus((0, 1, 2, 3), busy, count) == picked


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-2,5\n", (0, 1, 2, 5)), ("7", (7,)), ("", ()), ("max", ()), ("1-x", ())]
)
def test_lists_of_processors(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize(("ram", "pids"), [(16, "512"), (1024, "4096"), (1 << 20, "32768")])
def test_processes_grow_with_memory(launch: Callable[..., Launch], ram: int, pids: str) -> None:
    given = launch(ram=ram)
    found = limits(given.spec, parse_domain(given.xml, "web1", given.directory), ())
    assert found.get("pids.max") == pids
    assert found.get("memory.max") == str(ram << 20)
    assert found.get("cpuset.cpus") == ""


def test_what_the_host_has_is_read(tmp_path: Path) -> None:
    assert read_facts(tmp_path).apparmor == ""
    assert read_facts(tmp_path).seccomp == ""
    files = {
        "sys/devices/system/cpu/online": "0-3\n",
        "sys/kernel/security/apparmor/profiles": "/usr/bin/lxc-start (enforce)\n",
        "usr/share/lxc/config/common.seccomp": "2\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    facts = read_facts(tmp_path)
    assert facts.cpus == (0, 1, 2, 3)
    assert facts.seccomp == "/usr/share/lxc/config/common.seccomp"
    # liblxc compiles one itself where hostd's is not loaded.
    assert facts.apparmor == "generated"
    (tmp_path / "sys/kernel/security/apparmor/profiles").write_text(
        "lxc-antlet (enforce)\n", encoding="ascii"
    )
    assert read_facts(tmp_path).apparmor == "lxc-antlet"
