"""Pools are made, taken back, recorded, imported at boot and scrubbed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from edgelinux_hostd.errors import CommandError, EdgeLinuxError, NotFoundError, RefusedError
from edgelinux_hostd.storage import boot, pools, registry, scrub
from edgelinux_hostd.storage.mounting import mountable, parse_places
from edgelinux_hostd.storage.plan import PoolPlan

from tests.unit.hostd.memory import MemoryStorage

from .conftest import Commands

PLAN = PoolPlan(
    name="hdd",
    layout="single",
    devices=("/dev/disk/by-id/b",),
    disks=("/dev/vdb",),
    wipe=(),
    uuid="6f1d9a0e-8d0b-4f4e-9d43-0f7f7a5f2f10",
)


@pytest.fixture
def machine(commands: Commands, recorded: Callable[[str], str]) -> Commands:
    commands.says("lsblk --json", recorded("lsblk-virtio.json"))
    commands.says("lsblk --noheadings", "/dev/vdb\n/dev/vdb1\n")
    commands.says("zpool get", "4711\n")
    return commands


def storage_with(root: Path, uuid: str) -> MemoryStorage:
    storage = MemoryStorage(root, "antlets", "hdd")
    storage.set("hdd", {"edgelinux:uuid": uuid})
    return storage


def test_a_pool_is_recorded_for_the_next_boot(machine: Commands, tmp_path: Path) -> None:
    record = tmp_path / "pools.json"

    class Made(MemoryStorage):
        def pools(self) -> tuple[str, ...]:
            made = any(line.startswith("zpool create") for line in machine.ran)
            return ("antlets", "hdd") if made else ("antlets",)

    storage = Made(tmp_path, "antlets", "hdd")
    pools.create_pool(PLAN, storage, record)
    assert json.loads(record.read_text()) == {"4711": "hdd"}
    assert " ".join(PLAN.argv()) in machine.ran
    assert not any(line.startswith("wipefs --all") for line in machine.ran)


def test_making_it_again_after_a_crash_only_does_the_rest(machine: Commands, tmp_path: Path) -> None:
    storage = storage_with(tmp_path, PLAN.uuid)
    storage.destroy("hdd/TEMPLATES")
    pools.create_pool(PLAN, storage, tmp_path / "pools.json")
    assert "create hdd/TEMPLATES" in storage.calls
    assert not any(line.startswith("zpool create") for line in machine.ran)
    assert registry.load(tmp_path / "pools.json") == {4711: "hdd"}


def test_what_lies_on_the_disk_is_wiped_partitions_first(machine: Commands, tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"wipe": ("/dev/vdb",)})
    with pytest.raises(EdgeLinuxError):  # in memory, no pool comes of it
        pools.create_pool(plan, MemoryStorage(tmp_path), tmp_path / "pools.json")
    wiped = [line.split()[-1] for line in machine.ran if line.startswith("wipefs --all")]
    assert wiped == ["/dev/vdb1", "/dev/vdb"]


def test_a_disk_that_was_taken_in_the_meantime(
    machine: Commands, tmp_path: Path, recorded: Callable[[str], str]
) -> None:
    listed = json.loads(recorded("lsblk-virtio.json"))
    next(one for one in listed["blockdevices"] if one["name"] == "vdb")["mountpoints"] = ["/media/backup"]
    machine.says("lsblk --json", json.dumps(listed))
    with pytest.raises(RefusedError, match="mounted at /media/backup"):
        pools.create_pool(PLAN, MemoryStorage(tmp_path), tmp_path / "pools.json")
    assert not any(line.startswith(("zpool create", "wipefs --all")) for line in machine.ran)


def test_nobody_elses_pool_is_taken_or_destroyed(machine: Commands, tmp_path: Path) -> None:
    storage = storage_with(tmp_path, "another")
    with pytest.raises(RefusedError, match="there is a pool hdd already"):
        pools.create_pool(PLAN, storage, tmp_path / "pools.json")
    pools.undo_create_pool(PLAN, storage, tmp_path / "pools.json")
    assert "zpool destroy hdd" not in machine.ran


def test_undoing_destroys_and_forgets(machine: Commands, tmp_path: Path) -> None:
    record = tmp_path / "pools.json"
    registry.record(4711, "hdd", record)
    pools.undo_create_pool(PLAN, storage_with(tmp_path / "a", PLAN.uuid), record)
    assert "zpool destroy hdd" in machine.ran
    assert registry.load(record) == {}
    pools.undo_create_pool(PLAN, MemoryStorage(tmp_path / "b"), record)


HERE = {1: "antlets", 4711: "hdd"}
RECORDED = {4711: "hdd", 42: "usb", 43: "usb", 44: "old"}


@pytest.mark.parametrize(("wanted", "guid"), [("old", 44), ("44", 44), ("42", 42), ("43", 43)])
def test_a_pool_that_is_gone_is_found_by_name_or_guid(wanted: str, guid: int) -> None:
    assert pools.find_absent(wanted, HERE, RECORDED) == (guid, RECORDED[guid])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("hdd", "pool hdd is imported, only one that is absent can be forgotten (`zpool export hdd` first)"),
        ("4711", "pool hdd is imported, only one that is absent can be forgotten (`zpool export hdd` first)"),
        (
            "antlets",
            "pool antlets is imported, only one that is absent can be forgotten "
            "(there is no record of it to forget)",
        ),
        ("usb", "2 pools called usb are absent (name the one that is gone for good by its GUID)"),
    ],
)
def test_which_pools_are_not_forgotten(wanted: str, said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        pools.find_absent(wanted, HERE, RECORDED)
    assert str(caught.value) == said
    assert caught.value.items == (("42", "43") if wanted == "usb" else ())


def test_a_pool_that_is_gone_shares_its_name_with_one_that_is_here() -> None:
    with pytest.raises(RefusedError, match=r"usb is imported.*the one that is not is 43"):
        pools.find_absent("usb", {**HERE, 42: "usb"}, RECORDED)
    assert pools.find_absent("43", {**HERE, 42: "usb"}, RECORDED) == (43, "usb")
    # It is here under another name than the recorded one.
    with pytest.raises(RefusedError, match="pool attic is imported"):
        pools.find_absent("old", {**HERE, 44: "attic"}, RECORDED)


@pytest.mark.parametrize("wanted", ["nope", "45", ""])
def test_a_pool_that_nobody_recorded(wanted: str) -> None:
    with pytest.raises(NotFoundError, match=f"there is no pool {wanted}"):
        pools.find_absent(wanted, HERE, RECORDED)


def test_the_record(tmp_path: Path) -> None:
    path = tmp_path / "pools.json"
    assert registry.load(path) == {}
    registry.record(2, "b", path)
    registry.record(1, "a", path)
    registry.record(2, "c", path)
    assert registry.load(path) == {1: "a", 2: "c"}
    registry.forget(7, path)
    registry.forget(1, path)
    assert registry.load(path) == {2: "c"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": "y"}'])
def test_a_damaged_record_says_where(text: str) -> None:
    with pytest.raises(EdgeLinuxError, match=r"pools\.json: not a list"):
        registry.parse(text, "pools.json")


PLACES = """\
hdd\toff\tno\t/hdd
hdd/TEMPLATES\toff\tno\t/hdd/TEMPLATES
hdd/TEMPLATES/t\ton\tno\t/hdd/TEMPLATES/t
hdd/web1\ton\tno\t/hdd/web1
hdd/web2\ton\tyes\t/hdd/web2
hdd/etc\ton\tno\t/etc
hdd/like\ton\tno\t/hdd2
hdd/ROOT\tnoauto\tno\t/
hdd/log\ton\tno\tlegacy
hdd/none\ton\tno\tnone
"""


def test_only_what_has_its_place_in_the_pool_is_mounted() -> None:
    assert mountable(parse_places(PLACES), "hdd") == ("hdd/TEMPLATES/t", "hdd/web1")


def test_booting_imports_what_is_recorded_and_mounts_it(commands: Commands) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zpool get", "1\n")
    commands.says("zfs list", PLACES)
    commands.says("zfs mount hdd/web1", stderr="cannot mount 'hdd/web1': directory is not empty\n")
    said = boot.bring_up({4711: "hdd"}, sleep=lambda _: None)
    assert "zpool import -N -o cachefile=none 4711 hdd" in commands.ran
    assert "zfs mount hdd/TEMPLATES/t" in commands.ran
    assert said == (
        "cannot mount hdd/web1: its mountpoint is not empty (move away what lies there, it would be hidden)",
    )


def test_many_are_mounted_by_one_command_unless_one_would_be_elsewhere(commands: Commands) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zpool get", "1\n")
    commands.says("zfs list", PLACES)
    boot.bring_up({4711: "hdd"}, sleep=lambda _: None)
    assert "zfs mount -a" not in commands.ran
    commands.says(
        "zfs list",
        "".join(line for line in PLACES.splitlines(True) if "/etc" not in line and "hdd2" not in line),
    )
    boot.bring_up({4711: "hdd"}, sleep=lambda _: None)
    assert "zfs mount -a" in commands.ran


def test_booting_goes_on_without_a_pool_that_is_absent(commands: Commands) -> None:
    commands.says("zpool list", "antlets\nhdd\n")
    commands.says("zpool get -H -o value guid antlets", "1\n")
    commands.says("zpool get -H -o value guid hdd", "4711\n")
    commands.says("zpool import", stderr="cannot import '42': no such pool available\n")
    commands.says("zfs list", PLACES)
    naps: list[float] = []
    (said,) = boot.bring_up({42: "usb", 4711: "hdd"}, patience=4, sleep=naps.append)
    assert said.startswith("pool usb (42) is not there")
    assert "no such pool available" in said
    assert len(naps) == 2
    assert "zfs mount hdd/web1" in commands.ran


def test_a_boot_never_fails(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "pools.json"
    damaged.write_text("{")
    monkeypatch.setattr(registry.load, "__defaults__", (damaged,))
    assert boot.main() == 0
    assert capsys.readouterr().err.startswith("<4>")
    assert commands.ran == []


def test_scrubbing_what_is_being_scrubbed(commands: Commands) -> None:
    commands.says("zpool scrub hdd", stderr="cannot scrub hdd: currently scrubbing; use 'zpool scrub -s'\n")
    commands.says("zpool scrub -s hdd", stderr="cannot cancel scrubbing hdd: there is no active scrub\n")
    scrub.start("hdd")
    scrub.stop("hdd")
    commands.says("zpool scrub hdd", stderr="cannot scrub hdd: currently resilvering\n")
    with pytest.raises(RefusedError, match="is being rebuilt"):
        scrub.start("hdd")
    commands.says("zpool scrub hdd", stderr="cannot open 'hdd': no such pool\n")
    with pytest.raises(NotFoundError):
        scrub.start("hdd")
    commands.says("zpool scrub hdd", stderr="cannot scrub hdd: pool I/O is currently suspended\n")
    with pytest.raises(CommandError, match="suspended"):
        scrub.start("hdd")


def test_the_monthly_scrub_does_all_pools(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    commands.says("zpool list", "a\nb\nc\n")
    commands.says("zpool scrub a", stderr="cannot scrub a: pool I/O is currently suspended\n")
    commands.says("zpool scrub b", stderr="cannot scrub b: currently resilvering\n")
    assert scrub.main() == 1
    assert commands.ran[1:] == ["zpool scrub a", "zpool scrub b", "zpool scrub c"]
    assert "scrubbing pool c" in capsys.readouterr().out
    commands.says("zpool scrub a")
    assert scrub.main() == 0
