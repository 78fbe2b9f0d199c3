"""Which pools are imported under which names, and that nothing of them gets mounted over the host."""

from __future__ import annotations

import pytest
from edgelinux_hostd.errors import CommandError, NotFoundError, RefusedError
from edgelinux_hostd.recover.imports import (
    PoolImport,
    import_found,
    plan_imports,
    securing,
)
from edgelinux_hostd.storage.mounting import mountable, parse_places
from edgelinux_hostd.zfs import ImportablePool

from tests.unit.hostd.storage.conftest import Commands, commands

__all__ = ["commands"]

GUID = 0xABCDEF1234567890
OTHER = 0x00FFEE1234567890


def names(*offered: ImportablePool, imported: tuple[str, ...] = ("antlets",)) -> list[str]:
    return [one.name for one in plan_imports(offered, imported, {})]


def test_another_pool_of_the_hosts_name_gets_one_of_its_own() -> None:
    (found,) = plan_imports([ImportablePool("antlets", GUID, "ONLINE")], ["antlets"], {})
    assert found == PoolImport(guid=GUID, was="antlets", name="antlets-abcdef")
    assert found.line() == f"pool antlets ({GUID}) is imported as antlets-abcdef"


def test_other_names_are_kept_where_they_are_safe() -> None:
    assert names(ImportablePool("hdd", GUID, "DEGRADED")) == ["hdd"]
    assert names(ImportablePool("hdd", GUID, "ONLINE"), ImportablePool("hdd", OTHER, "ONLINE")) == [
        "hdd-abcdef",
        "hdd-00ffee",
    ]
    # It would be mounted over /home.
    assert names(ImportablePool("home", GUID, "ONLINE")) == ["pool-abcdef"]
    assert names(ImportablePool("My Pool", GUID, "ONLINE")) == ["pool-abcdef"]


def test_a_pool_that_this_host_knows_keeps_the_name_it_has_here() -> None:
    offered = [ImportablePool("antlets", GUID, "ONLINE")]
    (found,) = plan_imports(offered, ["antlets"], {GUID: "old"})
    assert found.name == "old"
    (found,) = plan_imports(offered, ["antlets", "old"], {GUID: "old"})
    assert found.name == "antlets-abcdef"


def test_only_some_pools() -> None:
    offered = [ImportablePool("a", GUID, "ONLINE"), ImportablePool("b", OTHER, "ONLINE")]
    assert [one.was for one in plan_imports(offered, [], {}, ["b"])] == ["b"]
    assert [one.was for one in plan_imports(offered, [], {}, [str(GUID)])] == ["a"]
    with pytest.raises(NotFoundError, match="no pool 'c' to import"):
        plan_imports(offered, [], {}, ["c"])


def test_a_pool_without_enough_disks_is_named_not_imported() -> None:
    (found,) = plan_imports([ImportablePool("hdd", GUID, "UNAVAIL")], [], {})
    assert found.line() == f"pool hdd ({GUID}) cannot be imported: it is UNAVAIL"
    with pytest.raises(RefusedError, match="UNAVAIL"):
        import_found(found)


# Another host's pool after it was imported as antlets-abcdef, with a dataset that wants to be at /etc.
BEFORE = """\
antlets-abcdef\toff\tno\t/antlets
antlets-abcdef/ROOT\toff\tno\tnone
antlets-abcdef/ROOT/2.1.0\tnoauto\tno\t/
antlets-abcdef/ROOT/old\ton\tno\t/
antlets-abcdef/STATE\toff\tno\tnone
antlets-abcdef/STATE/log\ton\tno\tlegacy
antlets-abcdef/TEMPLATES\toff\tno\t/antlets/TEMPLATES
antlets-abcdef/TEMPLATES/t\ton\tno\t/antlets/TEMPLATES/t
antlets-abcdef/config\ton\tno\t/etc
antlets-abcdef/web1\ton\tno\t/antlets/web1
"""
AFTER = BEFORE.replace("\t/antlets", "\t/antlets-abcdef")
POOL = PoolImport(guid=GUID, was="antlets", name="antlets-abcdef")


def test_nothing_of_it_can_be_mounted_over_the_host() -> None:
    assert securing(parse_places(BEFORE), POOL.name, below=False) == [
        ["zfs", "set", "mountpoint=/antlets-abcdef", "antlets-abcdef"]
    ]
    assert securing(parse_places(AFTER), POOL.name, below=False) == []
    unmountable = [argv[-1] for argv in securing(parse_places(AFTER), POOL.name, below=True)]
    assert unmountable == [f"antlets-abcdef/{name}" for name in ("ROOT/old", "STATE/log", "config")]
    assert mountable(parse_places(AFTER), POOL.name) == (
        "antlets-abcdef/TEMPLATES/t",
        "antlets-abcdef/web1",
    )


def test_a_root_that_would_mount_itself_is_kept_from_it_first() -> None:
    places = parse_places("tank\ton\tno\t/\n")
    assert [argv[2] for argv in securing(places, "tank", below=False)] == ["canmount=off", "mountpoint=/tank"]


def test_importing_mounts_last(commands: Commands) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zfs list", AFTER)
    assert import_found(POOL) == ()
    changing = [line for line in commands.ran if "list" not in line]
    assert changing[0] == f"zpool import -N -o cachefile=none {GUID} antlets-abcdef"
    mounts = [n for n, line in enumerate(changing) if line.startswith("zfs mount")]
    sets = [n for n, line in enumerate(changing) if line.startswith("zfs set")]
    assert max(sets) < min(mounts)
    assert "zfs mount antlets-abcdef/ROOT/old" not in changing


def test_a_pool_that_another_host_has_is_taken_only_when_told(commands: Commands) -> None:
    commands.says("zpool list", "antlets\n")
    commands.says("zfs list", AFTER)
    commands.says(
        "zpool import -N -o cachefile=none",
        stderr="cannot import 'antlets': pool was previously in use from another system.\n",
    )
    with pytest.raises(RefusedError, match="--force"):
        import_found(POOL)
    commands.says("zpool import -N -o cachefile=none -f")
    import_found(POOL, force=True)
    commands.says("zpool import -N -o cachefile=none", stderr="cannot import 'antlets': I/O error\n")
    with pytest.raises(CommandError):
        import_found(POOL)
