"""Antlets are brought back: by property or by file, colliding or damaged, once or after a crash again."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets import spec
from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.recover.found import survey
from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.recover.perform import perform, plan
from edgelinux_hostd.recover.plan import Action, Plan
from edgelinux_hostd.storage import registry

from tests.unit.hostd.memory import MemoryStorage

NEW = "antlets-abcdef"
POOL = PoolImport(guid=4711, was="antlets", name=NEW)
ONE = UUID("11111111-1111-4111-8111-111111111111")
TWO = UUID("22222222-2222-4222-8222-222222222222")


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path, "antlets", NEW)


def add(
    storage: MemoryStorage,
    dataset: str,
    number: int,
    uuid: UUID,
    *,
    properties: bool = True,
    file: bool = True,
    nics: tuple[spec.Nic, ...] = (spec.Nic(),),
) -> Path:
    name = dataset.rpartition("/")[2]
    local = {
        "edgelinux:kind": "antlet",
        "edgelinux:name": name,
        "edgelinux:number": str(number),
        "edgelinux:uuid": str(uuid),
    }
    storage.create(dataset, local if properties else {})
    directory = storage.root / dataset
    (directory / "rootfs").mkdir()
    if file:
        written = spec.AntletSpec(name=name, number=number, uuid=uuid, kind="lxc", ram=512, cpu=1, nics=nics)
        spec.dump(written, directory)
    return directory


def do(planned: Plan, storage: MemoryStorage) -> None:
    # As a job does: from its own record, and each action once more, as after a crash.
    for action in Plan.model_validate_json(planned.model_dump_json()).actions:
        for _again in range(2):
            perform(action, storage, storage.root / "pools.json")


def recover(storage: MemoryStorage, *, renumber: bool = False) -> Plan:
    planned = plan(storage, [POOL], renumber=renumber)
    do(planned, storage)
    # All is as it should be, so that a second run finds nothing to do.
    again = plan(storage, [], renumber=False)
    assert again.actions == ()
    return planned


def identity(storage: MemoryStorage, dataset: str) -> tuple[str, int, UUID]:
    info = storage.dataset(dataset)
    assert info is not None
    found = spec.load(storage.root / dataset)
    assert info.local["edgelinux:name"] == found.name
    assert info.local["edgelinux:number"] == str(found.number)
    assert info.local["edgelinux:uuid"] == str(found.uuid)
    assert info.local["edgelinux:kind"] == "antlet"
    return found.name, found.number, found.uuid


def test_an_antlet_comes_back_with_number_cards_and_snapshots(storage: MemoryStorage) -> None:
    nics = (spec.Nic(), spec.Nic(type="bridge", source="br0", mac="52:54:00:aa:bb:cc"))
    add(storage, f"{NEW}/web1", 25, ONE, nics=nics)
    storage.snapshot(f"{NEW}/web1@monday")
    planned = recover(storage)
    assert planned.lines == (f"{NEW}/web1: antlet web1, number 25",)
    assert planned.antlets == ("web1",)
    assert identity(storage, f"{NEW}/web1") == ("web1", 25, ONE)
    assert spec.load(storage.root / NEW / "web1").nics == nics
    assert [one.name for one in storage.snapshots(f"{NEW}/web1")] == [f"{NEW}/web1@monday"]
    # The pool is this host's from now on, at later boots too.
    assert registry.load(storage.root / "pools.json") == {4711: NEW}


def test_identity_comes_from_the_file_where_there_are_no_properties(storage: MemoryStorage) -> None:
    add(storage, f"{NEW}/web1", 25, ONE, properties=False)
    recover(storage)
    assert identity(storage, f"{NEW}/web1") == ("web1", 25, ONE)


def test_properties_override_the_file(storage: MemoryStorage) -> None:
    directory = add(storage, f"{NEW}/web1", 25, ONE)
    storage.set(f"{NEW}/web1", {"edgelinux:number": "30"})
    recover(storage)
    assert identity(storage, f"{NEW}/web1") == ("web1", 30, ONE)
    assert not (directory / "antlet.yaml.damaged").exists()


def test_what_is_neither_is_listed_and_left_alone(storage: MemoryStorage) -> None:
    storage.create(f"{NEW}/photos", {})
    storage.create(f"{NEW}/thing", {"edgelinux:kind": "template"})
    storage.create(f"{NEW}/Web", {"edgelinux:kind": "antlet"})
    storage.create(f"{NEW}/bare", {"edgelinux:kind": "antlet"})
    storage.create(f"{NEW}/ROOT", {})
    storage.create(f"{NEW}/STATE", {})
    storage.create("antlets/mine", {})
    before = list(storage.calls)
    planned = recover(storage)
    assert planned.lines == (
        f"{NEW}/Web: left alone: its name cannot be an antlet's",
        f"{NEW}/bare: left alone: its number is not known, --renumber gives it a new one",
        f"{NEW}/photos: left alone: neither properties nor antlet.yaml say that it is an antlet",
        f"{NEW}/thing: left alone: it is a template",
    )
    assert storage.calls == before


def test_what_a_job_left_half_made_is_left_alone(storage: MemoryStorage) -> None:
    add(storage, f"{NEW}/half", 25, ONE)
    add(storage, "antlets/making", 26, TWO, file=False)
    for dataset in (f"{NEW}/half", "antlets/making"):
        storage.set(dataset, {"edgelinux:job": "17"})
    planned = plan(storage, [POOL])
    assert planned.lines == (f"{NEW}/half: left alone: it was being made or deleted when its host stopped",)
    assert [action.kind for action in planned.actions] == ["keep-pool"]
    # Its number is taken all the same.
    add(storage, f"{NEW}/web1", 26, UUID(int=7, version=4))
    with pytest.raises(RefusedError, match="number 26 is that of antlets/making"):
        plan(storage, [POOL])


def test_one_that_is_not_mounted_is_left_alone(storage: MemoryStorage) -> None:
    add(storage, f"{NEW}/web1", 25, ONE)
    storage.unmount(f"{NEW}/web1")
    planned = plan(storage, [POOL])
    assert planned.lines == (f"{NEW}/web1: left alone: it is not mounted",)
    assert [action.kind for action in planned.actions] == ["keep-pool"]


def test_collisions_are_listed_and_nothing_is_done(storage: MemoryStorage) -> None:
    add(storage, "antlets/web1", 25, ONE)
    add(storage, "antlets/db", 30, TWO)
    add(storage, f"{NEW}/web1", 30, ONE)
    add(storage, f"{NEW}/innocent", 40, UUID(int=7, version=4))
    before = list(storage.calls)
    with pytest.raises(RefusedError) as caught:
        plan(storage, [POOL])
    assert caught.value.items == (
        f"{NEW}/web1: name web1 is that of antlets/web1",
        f"{NEW}/web1: number 30 is that of antlets/db",
        f"{NEW}/web1: uuid {ONE} is that of antlets/web1",
    )
    assert "--renumber" in str(caught.value)
    assert storage.calls == before


def test_renumbering_gives_new_names_numbers_and_uuids(storage: MemoryStorage) -> None:
    bridged = spec.Nic(type="bridge", source="br0", mac="52:54:00:aa:bb:cc")
    add(storage, "antlets/web1", 10, ONE, nics=(bridged,))
    add(storage, f"{NEW}/web1", 10, ONE, nics=(bridged,))
    add(storage, f"{NEW}/web1-2", 11, TWO)
    recover(storage, renumber=True)
    assert identity(storage, "antlets/web1") == ("web1", 10, ONE)
    # web1-2 and 11 are those of the other one that was found, and stay its own.
    assert identity(storage, f"{NEW}/web1-2") == ("web1-2", 11, TWO)
    name, number, uuid = identity(storage, f"{NEW}/web1-3")
    assert (name, number) == ("web1-3", 12)
    assert uuid not in (ONE, TWO)
    assert storage.dataset(f"{NEW}/web1") is None
    # Two cards with one MAC on one bridge are worse than a new MAC.
    assert spec.load(storage.root / NEW / "web1-3").nics[0].mac is None


def test_two_that_were_found_collide_with_each_other(tmp_path: Path) -> None:
    storage = MemoryStorage(tmp_path, "antlets", NEW, "hdd")
    add(storage, f"{NEW}/web1", 25, ONE)
    add(storage, "hdd/web1", 25, ONE)
    both = [POOL, PoolImport(guid=5, was="hdd", name="hdd")]
    with pytest.raises(RefusedError, match=f"hdd/web1: name web1 is that of {NEW}/web1"):
        plan(storage, both)
    do(plan(storage, both, renumber=True), storage)
    assert identity(storage, f"{NEW}/web1") == ("web1", 25, ONE)
    assert identity(storage, "hdd/web1-2")[:2] == ("web1-2", 10)


def test_without_a_number_left_collisions_are_still_told(storage: MemoryStorage) -> None:
    for number in range(10, 255):
        add(storage, f"antlets/a{number}", number, UUID(int=number, version=4), file=False)
    add(storage, f"{NEW}/web1", 25, ONE)
    with pytest.raises(RefusedError, match="number 25 is that of antlets/a25"):
        plan(storage, [POOL])
    with pytest.raises(RefusedError, match="all antlet numbers"):
        plan(storage, [POOL], renumber=True)


def test_a_long_name_still_fits(storage: MemoryStorage) -> None:
    name = "a" * 63
    add(storage, f"antlets/{name}", 25, ONE)
    add(storage, f"{NEW}/{name}", 26, TWO)
    recover(storage, renumber=True)
    assert identity(storage, f"{NEW}/{'a' * 61}-2")[1] == 26


def test_a_damaged_file_is_written_anew_and_kept_beside(storage: MemoryStorage) -> None:
    directory = add(storage, "antlets/web1", 25, ONE)
    damaged = "name: web1\nram: 2048\ncpu: two\n  {"
    (directory / "antlet.yaml").write_text(damaged)
    (directory / "antlet.xml.j2").write_text(
        "<domain type='lxc'><devices><interface type='bridge'><source bridge='br0'/></interface>"
        "</devices></domain>"
    )
    planned = plan(storage, [])
    do(planned, storage)
    assert "written anew" in planned.lines[0]
    assert identity(storage, "antlets/web1") == ("web1", 25, ONE)
    found = spec.load(directory)
    assert (found.kind, found.ram, found.nics[0].source) == ("lxc", 2048, "br0")
    assert (directory / "antlet.yaml.damaged").read_text() == damaged
    assert (directory / "antlet.yaml").stat().st_mode & 0o777 == 0o600
    assert plan(storage, []).actions == ()


def test_a_file_that_is_gone_is_written_from_the_properties(storage: MemoryStorage) -> None:
    directory = add(storage, f"{NEW}/web1", 25, ONE, file=False)
    planned = recover(storage)
    assert identity(storage, f"{NEW}/web1") == ("web1", 25, ONE)
    assert "there is no antlet.yaml: written anew" in planned.lines[0]
    assert not (directory / "antlet.yaml.damaged").exists()


def test_neither_file_nor_kind(storage: MemoryStorage) -> None:
    directory = add(storage, f"{NEW}/web1", 25, ONE, file=False)
    (directory / "rootfs").rmdir()
    planned = plan(storage, [POOL])
    assert "left alone" in planned.lines[0]
    assert "container or a machine" in planned.lines[0]
    assert [action.kind for action in planned.actions] == ["keep-pool"]


def test_a_link_out_of_the_antlet_is_not_followed(storage: MemoryStorage, tmp_path: Path) -> None:
    directory = add(storage, f"{NEW}/web1", 25, ONE)
    (directory / "antlet.yaml").rename(tmp_path / "elsewhere")
    (directory / "antlet.yaml").symlink_to(tmp_path / "elsewhere")
    found, _existing = survey(storage, {NEW})
    assert found[0].spec is None


def test_a_crash_between_keeping_and_writing(storage: MemoryStorage) -> None:
    directory = add(storage, "antlets/web1", 25, ONE)
    (directory / "antlet.yaml").write_text("{")
    (action,) = plan(storage, []).actions
    (directory / "antlet.yaml").rename(directory / "antlet.yaml.damaged")
    perform(action, storage)
    assert (directory / "antlet.yaml.damaged").read_text() == "{"
    assert spec.load(directory).number == 25


def test_a_rename_never_overwrites(storage: MemoryStorage) -> None:
    add(storage, f"{NEW}/a", 25, ONE)
    add(storage, f"{NEW}/b", 26, TWO)
    with pytest.raises(Exception, match="already exists"):
        perform(Action(kind="rename", dataset=f"{NEW}/a", values={"new": f"{NEW}/b"}), storage)
    assert identity(storage, f"{NEW}/a")[1] == 25
