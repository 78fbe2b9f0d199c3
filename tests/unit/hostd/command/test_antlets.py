"""`antlet` against a real server on a Unix socket: what people see, and what programs get."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, RefusedError

from tests.unit.hostd.api.fake import GIB, FakeAgent
from tests.unit.hostd.command.conftest import Command, code


def test_create_list_start_stop(run: Command, agent: FakeAgent) -> None:
    made = run("create", "web1", "--template", "debian-13.lxc", "--ram", "1024", "--cpu", "2")
    assert (made.exit_code, made.output) == (0, "antlet web1 created\n")
    assert run("start", "web1").output == "antlet web1 started\n"
    agent.add("longer-name", 254, "tiny")
    agent.damage("longer-name", "antlet.yaml: line 3: not YAML")
    assert run("list").output == (
        "NAME         NUMBER  KIND  STATE    ADDRESS         RAM  CPU  STORAGE  POOL     TEMPLATE\n"
        "longer-name     254  kvm   Damaged  10.1.1.254        -    -  3.0 MiB  antlets  -\n"
        "web1             10  lxc   Running  10.1.1.10   1.0 GiB    2  3.0 MiB  antlets  debian-13.lxc\n"
    )
    assert run("stop", "web1", "--timeout", "3").output == "antlet web1 stopped\n"
    assert agent.submitted[-1][1].model_dump() == {"name": "web1", "timeout": 3}


def test_an_empty_list_has_its_headings(run: Command) -> None:
    assert run("list").output.startswith("NAME  NUMBER  KIND")
    assert json.loads(run("list", "--format", "json").output) == []


def test_all_that_create_takes(run: Command, agent: FakeAgent, tmp_path: Path) -> None:
    key = tmp_path / "id.pub"
    key.write_text("# mine\nssh-ed25519 AAAA me@home\n\n")
    words = (
        "create web1 --template debian-13.lxc --number 25 --pool antlets --compression lz4 --quota 10G "
        "--autostart --order 5 --start --version 1 --bridge br0=192.0.2.8/24,192.0.2.1 --network"
    )
    made = run(*words.split(), "--description", "a shop", "--ssh-key", str(key), "--format", "json")
    assert made.exit_code == 0
    found = json.loads(made.output)
    assert (found["state"], found["zfs-quota"], found["description"]) == ("Running", 10 * GIB, "a shop")
    assert (found["autostart"], found["order"], found["compression"]) == (True, 5, "lz4")
    params: Any = agent.submitted[0][1]
    assert (params.version, params.ssh_keys) == ("1", ("ssh-ed25519 AAAA me@home",))
    assert [card["source"] for card in found["nics"]] == ["bblv", "br0"]
    assert found["nics"][1]["address"] == "192.0.2.8/24"


def test_a_private_key_is_not_sent(run: Command, agent: FakeAgent, tmp_path: Path) -> None:
    key = tmp_path / "id"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    failed = run("create", "web1", "--template", "tiny", "--ssh-key", str(key))
    assert (code(failed), agent.submitted) == (2, [])
    assert "private key" in str(failed.exception)
    missing = run("create", "web1", "--template", "tiny", "--ssh-key", str(tmp_path / "no"))
    assert code(missing) == 1


def test_show(run: Command, agent: FakeAgent) -> None:
    agent.add("web1", 25, description="shop\x1b[2J\nof mine", quota=10 * GIB, autostart=True)
    assert run("show", "web1").output == (
        "name:        web1\n"
        "state:       Stopped\n"
        "number:      25\n"
        "address:     10.1.1.25\n"
        "kind:        lxc\n"
        "template:    debian-13.lxc\n"
        "memory:      512.0 MiB\n"
        "processors:  1\n"
        "storage:     3.0 MiB\n"
        "quota:       10.0 GiB\n"
        "compression: inherit\n"
        "pool:        antlets\n"
        "autostart:   yes, at place 100\n"
        "uuid:        00000000-0000-0000-0000-000000000019\n"
        "origin:      antlets/TEMPLATES/debian-13.lxc@1\n"
        "description: shop [2J of mine\n"
        "card 0:      b2:61:6e:73:6c:19 on bblv virtio\n"
    )
    for output, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert load(run("show", "web1", "--format", output).output)["antlet-num"] == 25


def test_set_changes_what_is_named(run: Command, agent: FakeAgent) -> None:
    agent.add("web1", 25)
    assert run("set", "web1", "--ram", "2048", "--quota", "1.5G", "--no-autostart").exit_code == 0
    assert agent.submitted[0][1].model_dump(exclude_none=True) == {
        "name": "web1",
        "ram": 2048,
        "quota": 3 * GIB // 2,
    }
    # What is so already makes no job, and is no error.
    assert run("set", "web1", "--ram", "2048").output == "antlet web1 changed\n"
    assert len(agent.submitted) == 1
    assert code(run("set", "web1")) == 2
    assert code(run("set", "web1", "--quota", "many")) == 2
    assert code(run("set", "web1", "--number", "9")) == 2


def test_rename_clone_dependencies_delete(run: Command, agent: FakeAgent) -> None:
    agent.add("web1", 25)
    assert run("rename", "web1", "shop").output == "antlet web1 is now shop\n"
    assert run("clone", "shop", "shop2", "--snapshot", "monday", "--number", "30").exit_code == 0
    assert run("dependencies", "shop").output == (
        "KIND      NAME           OF\nsnapshot  monday         shop\nclone     antlets/shop2  monday\n"
    )
    refused = run("delete", "shop")
    assert code(refused) == 5
    assert getattr(refused.exception, "items", ()) == ("snapshot monday", "clone antlets/shop2")
    assert run("delete", "shop", "--force").output == "antlet shop deleted\n"
    assert run("delete", "shop2", "--yes").exit_code == 0


def test_several_at_once_and_one_that_fails(run: Command, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.add("web3")
    done = run("start", "web1", "no", "web3")
    assert code(done) == 4
    assert done.stdout == "antlet web1 started\nantlet web3 started\n"
    assert "there is no antlet no" in str(done.exception)
    jobs = json.loads(run("stop", "web1", "web3", "--format", "json").stdout)
    assert [job["state"] for job in jobs] == ["done", "done"]
    for action in ("pause", "resume", "reboot", "kill"):
        assert run(action, "web1").exit_code == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EdgeLinuxError("no space left"), 1),
        (EdgeLinuxError("wrong", exit_code=2), 2),
        (EdgeLinuxError("gone", exit_code=4), 4),
        (RefusedError("no", items=["clone web2"]), 5),
        (BusyError("busy"), 6),
    ],
)
def test_a_failed_job_gives_its_exit_code(
    run: Command, agent: FakeAgent, error: EdgeLinuxError, expected: int
) -> None:
    agent.failing["create-antlet"] = error
    failed = run("create", "web1", "--template", "tiny")
    assert (code(failed), str(failed.exception)) == (expected, error.message)


def test_refused_at_once(run: Command, agent: FakeAgent) -> None:
    agent.add("web1", 25)
    assert code(run("create", "web1", "--template", "tiny")) == 2
    assert code(run("create", "Web/1", "--template", "tiny")) == 2
    assert code(run("create", "web2", "--template", "no")) == 4
    assert code(run("create", "web2", "--template", "tiny", "--number", "25")) == 2
    assert code(run("show", "no")) == 4
    assert code(run("show", "../jobs")) == 4
    agent.gate.clear()
    assert run("start", "web1", "--no-wait").output == "job j1: start-antlet web1\n"
    assert code(run("stop", "web1")) == 6


def test_snapshots(run: Command, agent: FakeAgent) -> None:
    agent.add("web1")
    assert run("snapshot", "take", "web1", "monday").output == "snapshot monday of antlet web1 taken\n"
    taken = json.loads(run("snapshot", "take", "web1", "--format", "json").output)
    assert taken["name"] == "2023-11-14-221320"
    lines = run("snapshot", "list", "web1").output.splitlines()
    assert lines[0].split() == ["NAME", "TAKEN", "USED", "HOLDS", "CLONES"]
    assert lines[1].split()[0] == "monday"
    assert lines[1].endswith("4.0 KiB  5.0 MiB  -")
    refused = run("restore", "web1", "monday")
    assert (code(refused), getattr(refused.exception, "items", ())) == (5, ("2023-11-14-221320",))
    assert run("restore", "web1", "monday", "--destroy-newer").exit_code == 0
    assert run("snapshot", "delete", "web1", "monday").exit_code == 0
    assert code(run("snapshot", "delete", "web1", "monday")) == 4


def test_templates(run: Command, agent: FakeAgent, tmp_path: Path) -> None:
    agent.add("web1")
    listed = run("template", "list").output.splitlines()
    assert listed[2] == "tiny           kvm   antlets  1        512.0 MiB    1  150.0 MiB  tiny for tests"
    assert "version 1:" in run("template", "show", "tiny").output
    assert run("template", "make", "web1", "shop").output == "antlet web1 made into template shop\n"
    source = tmp_path / "root.tar"
    source.write_text("")
    assert run("template", "import", str(source), "--name", "mine", "--type", "tar").exit_code == 0
    assert getattr(agent.submitted[-1][1], "source", "") == str(source)
    assert getattr(agent.submitted[-1][1], "privileged", None) is False
    agent.results["import-template"] = {"notes": ["machine: pc-i440fx-2.4 → pc (older than QEMU's)"]}
    noted = run("template", "import", str(source), "--name", "mine", "--privileged")
    assert getattr(agent.submitted[-1][1], "privileged", None) is True
    assert noted.stderr == "replaced: machine: pc-i440fx-2.4 → pc (older than QEMU's)\n"
    assert code(run("template", "import", str(tmp_path / "no"), "--name", "mine")) == 2
    assert run("template", "delete", "mine").exit_code == 0
    assert run("template", "delete", "tiny", "--version", "1").exit_code == 0
    assert code(run("template", "delete", "debian-13.lxc")) == 5


DEGRADED = {"kind": "health", "level": "urgent", "text": "pool antlets is degraded"}


def test_pools_and_network(run: Command, agent: FakeAgent) -> None:
    assert run("pool", "list").output == (
        "NAME     HEALTH      SIZE  ALLOCATED     FREE  FULL  MOUNTED AT\n"
        "antlets  ONLINE  10.0 GiB    3.0 GiB  7.0 GiB  30 %  /antlets\n"
    )
    agent._pools["antlets"] = {**agent._pools["antlets"], "warnings": [DEGRADED]}
    assert run("pool", "list").output.endswith("\nurgent: pool antlets is degraded\n")
    assert "path: /dev/vda3" in run("pool", "status", "antlets").output
    assert "/dev/vdc" in run("pool", "disks").output
    assert run("pool", "create", "hdd", "mirror", "vdc", "vdd").output == "pool hdd created\n"
    assert getattr(agent.submitted[-1][1], "erase", None) is False
    run("pool", "create", "hdd", "mirror", "vdc", "vdd", "--erase")
    assert getattr(agent.submitted[-1][1], "erase", None) is True
    assert run("pool", "scrub", "hdd").output == "scrub of pool hdd started\n"
    assert code(run("pool", "scrub", "no")) == 4
    assert "base-ip: 10.1.1." in run("net", "show").output
    assert run("net", "set-base-ip", "10.2.2.").output == "the antlets' network is now 10.2.2.0/24\n"
    assert code(run("net", "set-base-ip", "8.8.8.")) == 2


def test_forgetting_a_pool(run: Command, agent: FakeAgent) -> None:
    agent.lose("usb")
    assert run("pool", "forget", "usb").output == "pool usb forgotten\n"
    assert code(run("pool", "forget", "usb")) == 4
    refused = run("pool", "forget", "antlets")
    assert (code(refused), str(refused.exception)) == (
        5,
        "pool antlets is imported (`zpool export antlets` first)",
    )


def test_recover(run: Command, agent: FakeAgent) -> None:
    said = "pool antlets (17) is imported as antlets-old\nantlets-old/web1: antlet web1, number 25\n"
    assert run("recover").output == said
    tried = run("recover", "--dry-run")
    assert (tried.stdout, tried.stderr) == (said, "a dry run: nothing of this was done\n")
    assert getattr(agent.submitted[-1][1], "force", None) is False
    assert json.loads(run("recover", "--force", "--format", "json").output)["antlets"] == ["web1"]
    assert getattr(agent.submitted[-1][1], "force", None) is True
    agent.results["recover"] = {"pools": [], "lines": [], "antlets": []}
    assert run("recover").output == "nothing to recover\n"


def test_what_was_created_and_does_not_start(run: Command, agent: FakeAgent) -> None:
    agent.results["create-antlet"] = {"warning": "it does not start: init is missing"}
    made = run("create", "web1", "--template", "debian-13.lxc", "--start")
    assert (made.exit_code, made.stdout) == (0, "antlet web1 created\n")
    assert made.stderr == "warning: it does not start: init is missing\n"


def test_what_waits_for_the_next_start(run: Command, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.results["update-antlet"] = {"pending": ["ram", "nics"]}
    changed = run("set", "web1", "--ram", "2048")
    assert changed.stdout == "antlet web1 changed\n"
    assert changed.stderr == "from its next start on: ram, nics\n"


def test_stats(run: Command, agent: FakeAgent) -> None:
    agent.add("web1")
    run("start", "web1")
    lines = run("stats").output.splitlines()
    assert lines[1].split()[:3] == ["web1", "Running", "12.5"]
    assert json.loads(run("stats", "web1", "--format", "json").output)[0]["memory"] == 80 * 1024**2


def test_a_console_of_an_antlet_that_does_not_run(run: Command, agent: FakeAgent) -> None:
    agent.add("web1")
    assert code(run("console", "web1")) == 5


def test_a_console_is_attached_to(run: Command, agent: FakeAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.add("web1")
    run("start", "web1")
    attached: list[str] = []
    console = SimpleNamespace(attach=attached.append)
    monkeypatch.setitem(sys.modules, "edgelinux_hostd.command.console", console)
    assert run("console", "web1").exit_code == 0
    assert attached == ["/run/edgelinux/console/web1.sock"]
