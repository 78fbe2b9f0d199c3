"""The partition with kickstarts on the stick that the installer was started from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from edgelinux_installer import datapartition
from edgelinux_installer.datapartition import find_kickstart, find_partition
from edgelinux_installer.identity import Identity
from edgelinux_installer.medium_check import disk_of
from edgelinux_installer.source import location

MACHINE = Identity(("aa:bb:cc:dd:ee:01",), "5B3R2M1", "")


def disk(blocks: Path, name: str, *labels: str) -> None:
    """Add a disk with partitions of these names to a sysfs."""
    (blocks / name / "queue").mkdir(parents=True)
    for number, label in enumerate(labels, start=1):
        part = blocks / name / f"{name}{number}"
        part.mkdir()
        (part / "uevent").write_text(
            f"MAJOR=8\nMINOR={number}\nDEVNAME={part.name}\nDEVTYPE=partition\nPARTN={number}\nPARTNAME={label}\n",
            encoding="utf-8",
        )
        (part / "partition").write_text(f"{number}\n", encoding="utf-8")
        (blocks / part.name).symlink_to(part)


def test_the_partition_is_found_by_its_name(tmp_path: Path) -> None:
    disk(tmp_path, "sda", "ISO9660", "Appended2", "Gap1", "EDGELINUXKS")
    disk(tmp_path, "sdb", "ISO9660", "Appended2")
    (tmp_path / "sr0").mkdir()
    assert find_partition(Path("/dev/sda"), tmp_path) == Path("/dev/sda4")
    assert find_partition(Path("/dev/sdb"), tmp_path) is None
    assert find_partition(Path("/dev/sr0"), tmp_path) is None
    assert find_partition(Path("/dev/gone"), tmp_path) is None


def booted(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A machine with two such sticks; gives the list of partitions that are read."""
    blocks, mountinfo = tmp_path / "blocks", tmp_path / "mountinfo"
    for name in ("sda", "sdb"):
        disk(blocks, name, "ISO9660", "EDGELINUXKS")
    mountinfo.write_text(
        f"22 1 8:1 / /run/initramfs/live ro,relatime - iso9660 {source} ro\n", encoding="utf-8"
    )
    read: list[Path] = []

    def take(partition: Path, identity: Identity, run_dir: Path) -> None:
        assert identity == MACHINE
        read.append(partition)

    monkeypatch.setattr(datapartition, "_MOUNTINFO", mountinfo)
    monkeypatch.setattr(datapartition, "disk_of", lambda text, medium: real_disk_of(text, medium, blocks))
    monkeypatch.setattr(datapartition, "find_partition", lambda disk: find_partition(disk, blocks))
    monkeypatch.setattr(datapartition, "take_kickstart", take)
    return read


real_disk_of = disk_of
MEDIUM = Path("/run/initramfs/live")


@pytest.mark.parametrize("source", ["/dev/sdb1", "/dev/sdb"])
def test_only_the_disk_that_it_runs_from_is_looked_at(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = booted(tmp_path, source, monkeypatch)
    find_kickstart(MEDIUM, identity=MACHINE)
    assert read == [Path("/dev/sdb2")]


@pytest.mark.parametrize("source", ["/dev/sr0", "tmpfs"])
def test_a_disc_or_the_network_has_no_such_partition(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = booted(tmp_path, source, monkeypatch)
    assert find_kickstart(MEDIUM, identity=MACHINE) is None
    assert read == []


def test_nothing_is_asked_of_a_stick_when_a_kickstart_was_named() -> None:
    def stick() -> str:
        raise AssertionError

    assert location("inst.ks=http://x/ks", "", stick) == "http://x/ks"
    assert location("quiet", "/root/ks.cfg", stick) == "/root/ks.cfg"
    assert location("quiet", "", lambda: "/run/edgelinux/default.ks") == "/run/edgelinux/default.ks"
    assert location("quiet", "", lambda: "") == "cdrom:/edgelinux/ks.cfg"


def test_the_consoles_are_told_which_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgelinux_installer import obtain as module

    image = tmp_path / "sites.img"
    subprocess.run(["mkfs.vfat", "-C", image, "1024"], check=True, capture_output=True)
    subprocess.run(["mmd", "-i", image, "::/sites"], check=True)
    kickstart = tmp_path / "one.ks"
    kickstart.write_text("network --hostname=edge-x\nbroken\n", encoding="utf-8")
    subprocess.run(["mcopy", "-i", image, kickstart, "::/sites/aa-bb-cc-dd-ee-01.ks"], check=True)
    found = datapartition.take_kickstart(image, MACHINE, tmp_path / "run")
    monkeypatch.setattr(module, "find_kickstart", lambda medium: found)
    said: list[str] = []
    with pytest.raises(Exception, match=r"run/aa-bb-cc-dd-ee-01\.ks:\d+: "):
        module.read("quiet", *module.obtain("quiet", "", said.append))
    assert said == [
        f"edgeLinux installer: taking sites/aa-bb-cc-dd-ee-01.ks on the stick ({image}), "
        "for this machine's MAC address"
    ]
