"""Looking into a pool writes nothing to it, and its datasets come over nothing of the host's."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.errors import CommandError, RefusedError
from edgelinux_hostd.recover import look
from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.base import DatasetInfo
from edgelinux_hostd.storage.parse import parse_properties

from tests.unit.hostd.storage.conftest import Commands, commands

__all__ = ["commands"]

GUID = 0xABCDEF1234567890
POOL = PoolImport(guid=GUID, was="antlets", name="antlets-abcdef")


def properties(place: Path, root: str = "/antlets") -> str:
    """Another host's pool with its root at `place`, as `zfs get` shows it."""
    shown = root if root in ("none", "legacy") else f"{place}{root}"
    below = "" if shown == root else "/"
    datasets = {
        "": ("off", shown, "local"),
        "/ROOT": ("off", "none", "local"),
        "/STATE": ("off", "none", "local"),
        "/TEMPLATES": ("off", shown + (below and "/TEMPLATES"), "inherited from antlets-abcdef"),
        "/config": ("on", f"{place}/etc", "local"),
        "/hidden": ("noauto", shown + (below and "/hidden"), "inherited from antlets-abcdef"),
        "/moved": ("on", f"{place}/antlets-abcdef/moved", "local"),
        "/nowhere": ("on", "legacy", "local"),
        "/web1": ("on", shown + (below and "/web1"), "inherited from antlets-abcdef"),
    }
    return "".join(
        f"{POOL.name}{name}\tcanmount\t{canmount}\tlocal\n{POOL.name}{name}\tmountpoint\t{where}\t{source}\n"
        for name, (canmount, where, source) in datasets.items()
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "found"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "pools.json"


@pytest.mark.parametrize("root", ["/antlets", "/", "none", "legacy"])
def test_what_an_import_for_good_would_mount_is_seen(place: Path, root: str) -> None:
    found = look.visible(parse_properties(properties(place, root)), POOL.name, place)
    assert found == ("antlets-abcdef/moved", "antlets-abcdef/web1")


def test_looking_writes_nothing_and_mounts_below_its_own_place(
    commands: Commands, place: Path, record: Path
) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zfs get", properties(place))
    assert look.look_into(POOL, record=record, place=place) == ()
    changing = [line for line in commands.ran if not line.startswith(("zpool list", "zpool get", "zfs get"))]
    options = "-o ro,nosuid,nodev,noexec,zfsutil"
    assert changing == [
        f"zpool import -N -o cachefile=none -R {place} -t -o readonly=on {GUID} antlets-abcdef",
        f"mount -t zfs {options} antlets-abcdef/moved {place}/antlets-abcdef/moved",
        f"mount -t zfs {options} antlets-abcdef/web1 {place}/antlets-abcdef/web1",
    ]
    assert place.stat().st_mode & 0o777 == 0o700


def test_looking_again_after_a_crash_imports_nothing_anew(
    commands: Commands, place: Path, record: Path
) -> None:
    commands.says("zpool list", "antlets\nantlets-abcdef\n")
    commands.says("zpool get", f"{GUID}\n")
    commands.says("zfs get", properties(place, "legacy"))
    look.look_into(POOL, record=record, place=place)
    assert not any(line.startswith("zpool import") for line in commands.ran)
    # What has no place of its own is mounted as such.
    assert any("-o ro,nosuid,nodev,noexec antlets-abcdef/web1" in line for line in commands.ran)


def test_what_cannot_be_mounted_is_told(commands: Commands, place: Path, record: Path) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zfs get", properties(place))
    commands.says("mount", stderr="mount error: encryption key not loaded\n")
    said = look.look_into(POOL, record=record, place=place)
    assert [line.partition(": ")[0] for line in said] == [
        "cannot mount antlets-abcdef/moved",
        "cannot mount antlets-abcdef/web1",
    ]
    assert "encryption key not loaded" in said[0]


def test_a_pool_that_cannot_be_looked_into(commands: Commands, place: Path, record: Path) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zpool import", stderr="cannot import 'antlets': pool was in use from another system.\n")
    with pytest.raises(RefusedError, match="--force"):
        look.look_into(POOL, record=record, place=place)
    commands.says("zpool import", stderr="cannot import 'antlets': I/O error\n")
    with pytest.raises(CommandError, match="I/O error"):
        look.look_into(POOL, record=record, place=place)
    commands.says("zpool import -N -o cachefile=none -R", "")
    look.look_into(POOL, force=True, record=record, place=place)
    assert any(f"-R {place} -f -t" in line for line in commands.ran)


def test_a_pool_that_this_host_knows_is_its_own(commands: Commands, place: Path, record: Path) -> None:
    registry.record(GUID, POOL.name, record)
    commands.says("zpool list", "antlets\n")
    commands.says("zfs list", "antlets-abcdef\toff\tno\t/antlets-abcdef\n")
    look.look_into(POOL, record=record, place=place)
    assert f"zpool import -N -o cachefile=none {GUID} antlets-abcdef" in commands.ran
    # It is kept, whatever comes of the recovery.
    commands.says("zpool list", "antlets\nantlets-abcdef\n")
    commands.says("zpool get -H -o value guid", f"{GUID}\n")
    commands.says("zpool get -H -o value readonly", "off\n")
    look.release(POOL, record, place)
    assert not any("export" in line for line in commands.ran)


def test_letting_go_exports_what_is_not_kept(commands: Commands, place: Path, record: Path) -> None:
    export = "zpool export antlets-abcdef"
    commands.says("zpool list", "antlets\nantlets-abcdef\n")
    commands.says("zpool get -H -o value guid", "1\n")
    look.release(POOL, record, place)  # another pool has its name
    assert export not in commands.ran
    commands.says("zpool get -H -o value guid", f"{GUID}\n")
    (place / POOL.name / "web1").mkdir(parents=True)
    look.release(POOL, record, place)
    assert commands.ran.count(export) == 1
    assert not place.exists()
    # Its recorded name was taken, and so it was only looked into.
    registry.record(GUID, "old", record)
    commands.says("zpool get -H -o value readonly", "on\n")
    look.release(POOL, record, place)
    assert commands.ran.count(export) == 2


def test_another_pool_that_is_being_looked_into_stays(commands: Commands, place: Path, record: Path) -> None:
    commands.says("zpool list", "antlets\n")
    for name in (POOL.name, "hdd"):
        (place / name / "web1").mkdir(parents=True)
    look.release(POOL, record, place)
    assert [path.name for path in place.iterdir()] == ["hdd"]


def test_where_a_file_system_can_be_read(tmp_path: Path) -> None:
    own = DatasetInfo("hdd/web1", Path("/hdd/web1"), mounted=True)
    assert look.directory_of(own, tmp_path) == Path("/hdd/web1")
    assert look.directory_of(DatasetInfo("hdd/web1", Path("/hdd/web1"), mounted=False), tmp_path) is None
    # A mount point, as the root is one everywhere.
    assert look.directory_of(DatasetInfo("", None, mounted=True), Path("/")) == Path("/")
