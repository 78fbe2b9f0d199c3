"""The running host: its ESPs, its boot menu entry, the `antlet host` commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_hostd import __version__, bootconfig, cli, esp, host
from edgelinux_hostd.announce.facts import Facts
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.esp import Esp
from edgelinux_hostd.grubcfg import BootEntry
from edgelinux_hostd.image import ImageInfo

from .conftest import Programs

ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
ZFS_TYPE = "6a898cc3-1dd2-11b2-99a6-080020736631"
ENTRY = BootEntry("2.1.0", "antlets/ROOT/2.1.0", 42, 1)


def disk(name: str, infix: str = "") -> dict[str, object]:
    def part(number: int, kind: str) -> dict[str, object]:
        node = f"{name}{infix}{number}"
        return {"name": node, "path": f"/dev/{node}", "parttype": kind, "partuuid": f"{name}-{number}"}

    return {"name": name, "path": f"/dev/{name}", "children": [part(2, ESP_TYPE), part(3, ZFS_TYPE)]}


def test_esps_are_those_beside_the_pools_members() -> None:
    blank: dict[str, object] = {"name": "sdz", "path": "/dev/sdz"}
    text = json.dumps({"blockdevices": [disk("vda"), disk("nvme0n1", "p"), disk("vdc"), blank]})
    assert host.parse_esps(text, ["/dev/vda3", "/dev/nvme0n1p3", "/dev/vdb3"]) == (
        Esp("/dev/vda", "/dev/vda2", 2, "vda-2"),
        Esp("/dev/nvme0n1", "/dev/nvme0n1p2", 2, "nvme0n1-2"),
    )


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch, image: ImageInfo) -> list[str]:
    """A host with two disks; the list says what was done."""
    done: list[str] = []
    esps = (Esp("/dev/vda", "/dev/vda2"), Esp("/dev/vdb", "/dev/vdb2"))
    monkeypatch.setattr("edgelinux_hostd.image.load", lambda: image)
    monkeypatch.setattr(host, "current_entry", lambda info: ENTRY)
    monkeypatch.setattr(host, "pool_esps", lambda pool: esps)
    outdated: dict[str, list[str]] = {"/dev/vda2": [], "/dev/vdb2": ["edgelinux/grub.cfg"]}
    monkeypatch.setattr(esp, "check_boot", lambda one, *rest: outdated[one.partition])
    monkeypatch.setattr(
        esp, "stage_boot_files", lambda ones, *rest: done.append(f"stage {ones[0].partition}")
    )
    monkeypatch.setattr(
        esp, "make_bootable", lambda ones, *rest, nvram: done.append(f"bootable {ones[0].partition} {nvram}")
    )
    monkeypatch.setattr(esp, "sync_nvram", lambda ones, info: done.append(f"nvram {len(ones)}"))
    return done


def test_sync_writes_only_where_something_differs(synced: list[str]) -> None:
    assert host.boot_sync() == {"/dev/vda2": [], "/dev/vdb2": ["edgelinux/grub.cfg"]}
    assert synced == ["stage /dev/vdb2", "bootable /dev/vdb2 False", "nvram 2"]


def test_check_writes_nothing(synced: list[str]) -> None:
    result = CliRunner().invoke(cli.antlet, ["host", "boot-sync", "--check"])
    assert result.exit_code == 3
    assert result.output == "/dev/vda2: in step\n/dev/vdb2: out of date: edgelinux/grub.cfg\n"
    assert synced == []


def test_sync_as_json(synced: list[str]) -> None:
    result = CliRunner().invoke(cli.antlet, ["host", "boot-sync", "--format", "json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["/dev/vdb2"] == ["edgelinux/grub.cfg"]


def test_a_disk_that_fails_does_not_keep_the_others(
    synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(one: Esp, *rest: object) -> list[str]:
        if one.disk == "/dev/vda":
            raise EdgeLinuxError("input/output error")
        return ["edgelinux/grub.cfg"]

    monkeypatch.setattr(esp, "check_boot", check)
    with pytest.raises(EdgeLinuxError, match="/dev/vda2: input/output error"):
        host.boot_sync()
    assert synced == ["stage /dev/vdb2", "bootable /dev/vdb2 False"]


def test_current_entry(
    programs: Programs, image: ImageInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("edgelinux_hostd.zfs.root_dataset", lambda lines: "antlets/ROOT/2.1.0")
    monkeypatch.setattr(
        bootconfig, "load", lambda: bootconfig.BootConfig(append=("console=ttyS0",), timeout=9)
    )
    (tmp_path / "hostid").write_bytes(b"\x78\x56\x34\x12")
    monkeypatch.setattr(host, "_HOSTID", tmp_path / "hostid")
    programs.answers["zpool"] = (0, "42\n", "")
    assert host.current_entry(image) == BootEntry(
        version="2.1.0",
        dataset="antlets/ROOT/2.1.0",
        pool_guid=42,
        hostid=0x12345678,
        kernel_args=("mitigations=auto",),
        append=("console=ttyS0",),
        timeout=9,
    )


def test_version() -> None:
    assert CliRunner().invoke(cli.antlet, ["--version"]).output == f"antlet, version {__version__}\n"


def test_status(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = host.HostStatus(
        "edgeLinux OS",
        "2.1.0",
        "Base 1",
        "edge1",
        "6.12.1",
        "antlets/ROOT/2.1.0",
        "antlets",
        42,
        "ONLINE",
        ("a", "b"),
        "kvm",
    )
    monkeypatch.setattr(host, "status", lambda: shown)
    text = CliRunner().invoke(cli.antlet, ["host", "status"]).output
    assert "boot environment: antlets/ROOT/2.1.0\n" in text
    assert "disks:            a b\n" in text
    assert "acceleration:     kvm\n" in text
    found = json.loads(CliRunner().invoke(cli.antlet, ["host", "status", "--format", "json"]).output)
    assert (found["pool_guid"], found["acceleration"]) == (42, "kvm")


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> host.HostStatus:
        raise EdgeLinuxError("no pool", hint="import it", exit_code=5)

    monkeypatch.setattr(host, "status", fail)
    monkeypatch.setattr("sys.argv", ["antlet", "host", "status"])
    assert cli.main() == 5
    assert capsys.readouterr().err == "antlet: no pool (import it)\n"


def test_announce_prints_what_consoles_show(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts(version="2.1.0", hostname="edge1", addresses={"br0": ("192.0.2.10",)}, next=("ssh root@",))
    monkeypatch.setattr("edgelinux_hostd.announce.facts.gather", lambda: facts)
    monkeypatch.setattr("sys.argv", ["antlet", "host", "announce"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out == "edgeLinux OS 2.1.0\nhost edge1\n  br0  192.0.2.10\nnext: ssh root@\n"
    monkeypatch.setattr("sys.argv", ["antlet", "host", "announce", "--format", "json"])
    with pytest.raises(SystemExit):
        cli.main()
    assert json.loads(capsys.readouterr().out)["addresses"] == {"br0": ["192.0.2.10"]}
