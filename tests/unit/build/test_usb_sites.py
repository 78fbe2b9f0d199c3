"""Sticks for many machines: the partition with their kickstarts, and what the installer makes of it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build.medium.inspect import inspect
from edgelinux_build.sites import Sites, SitesError, load_sites
from edgelinux_build.usb import sites_partition
from edgelinux_build.usb.meter import SilentMeter
from edgelinux_build.usb.write import plan_stick, write_stick
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.datapartition import take_kickstart
from edgelinux_installer.identity import Identity

from tests.unit.build.cli_runner import edgelinux
from tests.unit.build.fakes import make_project, make_repository
from tests.unit.build.loops import MIB, LoopStick, attached, needs_loops, write_gpt
from tests.unit.build.standin import make_results, make_standin

SIZE = 64 * MIB
UUID = "4c4c4544-0042-3510-8052-b4c04f4d3732"
SECRET = "$6$salt$0123456789"


@pytest.fixture(scope="module")
def iso(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iso")
    project = make_project(make_repository(folder / "repository"), folder / "out")
    return make_standin(project, make_results(folder / "results"), folder)


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    folder = tmp_path / "sites"
    folder.mkdir()
    for name in ("AA:BB:CC:DD:EE:01", "serial-CZ 12.3", f"uuid-{UUID}", "default"):
        host = re.sub("[^a-z0-9]", "", name.lower())[:20]
        (folder / f"{name}.yaml").write_text(f"hostname: {host}\n", encoding="utf-8")
    return folder


@pytest.fixture
def stick(iso: Path, sites: Path, tmp_path: Path) -> Iterator[LoopStick]:
    """A stick with sites, where a larger table was before."""
    file = tmp_path / "stick.img"
    with file.open("wb") as made:
        made.truncate(SIZE)
    write_gpt(file, 7)
    with attached(file) as made:
        write_stick(plan_stick(iso, made.device, sites=sites, internal=True), SilentMeter())
        yield made


def table(file: Path) -> dict[str, Any]:
    """Give the partition table of a file, as sfdisk reads it; the partitions without the file's name."""
    printed = subprocess.run(["sfdisk", "--json", file], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(printed.stdout)["partitiontable"]
    for one in found["partitions"]:
        one["node"] = one["node"].removeprefix(str(file))
    return found


def partition(stick: LoopStick) -> Path:
    """Give the partition as mtools takes it: a part of a file."""
    (start,) = (one["start"] for one in table(stick.file)["partitions"] if one["name"] == "EDGELINUXKS")
    return Path(f"{stick.file}@@{start * 512}")


@needs_loops
def test_the_table_is_right_and_the_stick_still_boots(iso: Path, stick: LoopStick) -> None:
    verified = subprocess.run(["sfdisk", "--verify", stick.file], check=True, capture_output=True, text=True)
    assert "No errors detected" in verified.stdout
    assert verified.stderr == ""
    old, new = table(iso), table(stick.file)
    # The ISO's own are as they were: numbers, places, GUIDs, names and attributes (hidden, read-only).
    *same, added = new["partitions"]
    assert same == old["partitions"]
    assert [one["name"] for one in same] == ["ISO9660", "Appended2", "Gap1"]
    assert (new["id"], new["firstlba"]) == (old["id"], old["firstlba"])
    assert (added["node"], added["name"]) == ("4", "EDGELINUXKS")
    assert added["type"] == "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
    assert (added["start"] * 512, added["size"] * 512) == (-(-iso.stat().st_size // MIB) * MIB, 16 * MIB)
    assert "attrs" not in added
    # The backup is at the end of the stick, and the last sector that can be used just before its entries.
    assert stick.content(SIZE - 512, 8) == b"EFI PART"
    assert new["lastlba"] == SIZE // 512 - 1 - 248 * 128 // 512 - 1
    found = inspect(stick.file)
    assert found.boot_paths.missing == []
    assert found.problems == ()
    # The boot code of the first sector, and all of the ISO behind its partition table.
    content = iso.read_bytes()
    assert stick.content(0, 440) == content[:440]
    assert stick.content(32768, len(content) - 32768) == content[32768:]


@needs_loops
def test_an_iso_whose_table_is_damaged_never_reaches_the_device(
    iso: Path, sites: Path, tmp_path: Path
) -> None:
    content = bytearray(iso.read_bytes())
    content[1024 + 40] ^= 1
    bad = tmp_path / "bad.iso"
    bad.write_bytes(content)
    with attached(tmp_path / "other.img", SIZE) as stick:
        with pytest.raises(
            EdgeLinuxError, match=rf"the partition table of {bad} cannot be extended: .+copy or"
        ):
            write_stick(plan_stick(bad, stick.device, sites=sites, internal=True), SilentMeter())
        assert stick.content() == bytes(SIZE)


@needs_loops
def test_each_machine_finds_its_kickstart(stick: LoopStick, sites: Path, tmp_path: Path) -> None:
    texts = {entry.key: entry.text for entry in load_sites(sites).entries}
    run_dir = tmp_path / "run"

    def taken(*macs: str, serial: str = "", uuid: str = "") -> str:
        found = take_kickstart(partition(stick), Identity(macs, serial, uuid), run_dir)
        assert found is not None
        assert found.path.read_text(encoding="utf-8") == texts[found.key]
        assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
        return str(found).partition(" on the stick ")[0] + str(found).partition(")")[2]

    mac = "aa:bb:cc:dd:ee:01"
    assert taken(mac, serial="cz 12.3", uuid=UUID) == f"sites/uuid-{UUID}.ks, for this machine's UUID"
    assert taken(mac, serial="CZ 12.3") == "sites/serial-cz-12.3.ks, for this machine's serial number"
    assert taken("aa:bb:cc:dd:ee:99", mac) == "sites/aa-bb-cc-dd-ee-01.ks, for this machine's MAC address"
    assert taken() == "sites/default.ks, for any machine that has none of its own"


@needs_loops
def test_a_machine_without_a_kickstart_gets_none(iso: Path, sites: Path, tmp_path: Path) -> None:
    (sites / "default.yaml").unlink()
    with attached(tmp_path / "other.img", SIZE) as stick:
        write_stick(plan_stick(iso, stick.device, sites=sites, internal=True), SilentMeter())
        assert take_kickstart(partition(stick), Identity(("aa:bb:cc:dd:ee:99",)), tmp_path / "run") is None
    assert not (tmp_path / "run").exists()


def test_a_partition_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(os.urandom(MIB))
    with pytest.raises(EdgeLinuxError, match=r"the kickstarts on the stick \(.*broken\) cannot be read"):
        take_kickstart(tmp_path / "broken", Identity(), tmp_path)


@needs_loops
def test_wrong_site_files_never_reach_the_device(iso: Path, sites: Path, tmp_path: Path) -> None:
    (sites / "web1.yaml").write_text("hostname: web1\n", encoding="utf-8")
    with attached(tmp_path / "stick.img", SIZE) as stick:
        with pytest.raises(SitesError, match="'web1' names no machine"):
            plan_stick(iso, stick.device, sites=sites, internal=True)
        assert stick.content() == bytes(SIZE)


@needs_loops
def test_what_the_medium_cannot_do_is_refused(iso: Path, sites: Path, tmp_path: Path) -> None:
    (sites / "serial-X1.ks").write_text(
        f"selinux --enforcing\n{load_sites(sites).entries[0].text}", encoding="utf-8"
    )
    with (
        attached(tmp_path / "stick.img", SIZE) as stick,
        pytest.raises(SitesError, match=r"serial-X1\.ks:1: selinux --enforcing: Base 1 has no SELinux"),
    ):
        plan_stick(iso, stick.device, sites=sites, internal=True)


@needs_loops
def test_a_stick_that_is_too_small_for_the_sites(iso: Path, sites: Path, tmp_path: Path) -> None:
    needed = 3 * MIB + 16 * MIB + MIB
    with attached(tmp_path / "fits.img", needed) as stick:
        write_stick(plan_stick(iso, stick.device, sites=sites, internal=True), SilentMeter())
        assert inspect(stick.file).ok
    with (
        attached(tmp_path / "small.img", needed - 512) as stick,
        pytest.raises(EdgeLinuxError, match=f"too small: it has {needed - 512} bytes, {needed} are needed"),
    ):
        plan_stick(iso, stick.device, sites=sites, internal=True)


@needs_loops
def test_the_command_says_which_sites_are_on_it(
    iso: Path, sites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with attached(tmp_path / "stick.img", SIZE) as stick:
        options = ("--sites", sites, "--yes", "--internal", "--format", "json")
        assert edgelinux("usb", "write", iso, stick.device, *options) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sites"] == ["aa-bb-cc-dd-ee-01", "default", "serial-cz-12.3", f"uuid-{UUID}"]
    assert said["verified"]


def test_hundreds_of_machines_have_room(sites: Path, tmp_path: Path) -> None:
    one = load_sites(sites).entries[0]
    machines = [f"52-54-00-00-{number // 256:02x}-{number % 256:02x}" for number in range(400)]
    many = Sites(sites, tuple(replace(one, key=key, text=one.text + "#" * 20_000) for key in machines))
    assert sites_partition.image_size(many) > 16 * MIB
    work = tmp_path / "work"
    work.mkdir()
    image = sites_partition.make_image(many, work, sites_partition.image_size(many))
    found = take_kickstart(image, Identity(("52:54:00:00:01:8f",)), tmp_path / "run")
    assert found is not None
    assert found.path.read_text(encoding="utf-8").endswith("#")
