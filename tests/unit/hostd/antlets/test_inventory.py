"""What is listed as an antlet, and as whose."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.inventory import Inventory, identity_properties
from edgelinux_hostd.antlets.spec import AntletSpec, Nic, dump
from edgelinux_hostd.errors import NotFoundError
from edgelinux_hostd.runtime.base import State
from edgelinux_hostd.storage.base import JOB, NAME, NUMBER

from tests.unit.hostd.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def make(world: World, name: str, number: int, pool: str = "antlets", **fields: object) -> AntletSpec:
    spec = AntletSpec.model_validate(
        {
            "name": name,
            "number": number,
            "uuid": UUID(int=number),
            "kind": "lxc",
            "ram": 64,
            "cpu": 1,
            **fields,
        }
    )
    world.storage.create(f"{pool}/{name}", identity_properties(spec))
    dump(spec, world.storage.root / pool / name)
    return spec


def inventory(world: World) -> Inventory:
    return world.services().inventory


def test_antlets_of_all_pools_are_listed_by_name_with_state_and_address(world: World) -> None:
    make(world, "web2", 26, "hdd")
    make(world, "web1", 25)
    world.storage.create("antlets/not-ours", {})
    world.runtimes["lxc"].running["web2"] = State.PAUSED
    found = inventory(world).antlets()
    assert [(one.name, one.pool, one.state, one.ip) for one in found] == [
        ("web1", "antlets", State.STOPPED, "10.1.1.25"),
        ("web2", "hdd", State.PAUSED, "10.1.1.26"),
    ]


def test_what_a_job_is_making_is_no_antlet_yet(world: World) -> None:
    make(world, "web1", 25)
    world.storage.set("antlets/web1", {JOB: "j1"})
    assert inventory(world).antlets() == ()


def test_properties_override_the_file(world: World) -> None:
    make(world, "web1", 25)
    world.storage.set("antlets/web1", {NAME: "web9", NUMBER: "99"})
    found = inventory(world).antlet("web9")
    assert (found.number, found.ip) == (99, "10.1.1.99")
    assert found.spec is not None
    assert (found.spec.name, found.spec.number) == ("web9", 99)


def test_a_damaged_specification_is_said_and_harms_no_other(world: World) -> None:
    make(world, "web1", 25)
    make(world, "web2", 26)
    (world.storage.root / "antlets/web1/antlet.yaml").write_text("name: [")
    broken, whole = inventory(world).antlets()
    assert (broken.state, broken.number, broken.name) == (State.DAMAGED, 25, "web1")
    assert "antlet.yaml" in broken.problem
    assert whole.state == State.STOPPED


def test_an_unmounted_dataset_is_said(world: World) -> None:
    make(world, "web1", 25)
    world.storage.unmount("antlets/web1")
    found = inventory(world).antlet("web1")
    assert found.state == State.DAMAGED
    assert "not mounted" in found.problem


def test_a_changed_file_is_read_again(world: World) -> None:
    spec = make(world, "web1", 25)
    listing = inventory(world)
    assert listing.antlet("web1").spec == spec
    dump(spec.model_copy(update={"ram": 128}), world.storage.root / "antlets/web1")
    changed = listing.antlet("web1").spec
    assert changed is not None
    assert changed.ram == 128


def test_a_bridged_antlet_shows_its_own_address(world: World) -> None:
    card = Nic(type="bridge", source="br0", address="192.168.0.9/24")
    make(world, "web1", 25, nics=[card.model_dump()])
    assert inventory(world).antlet("web1").ip == "192.168.0.9"


def test_snapshots_and_what_depends_on_them(world: World) -> None:
    make(world, "web1", 25)
    world.storage.snapshot("antlets/web1@a")
    world.storage.snapshot("antlets/web1@b")
    world.storage.clone("antlets/web1@a", "antlets/web2", {})
    world.storage.clone("antlets/web1@a", "antlets/TEMPLATES/mine", {})
    listing = inventory(world)
    assert [(one.name, one.clones) for one in listing.snapshots("web1")] == [
        ("a", ("antlets/TEMPLATES/mine", "antlets/web2")),
        ("b", ()),
    ]
    assert {(one.kind, one.name) for one in listing.dependencies("web1")} == {
        ("snapshot", "a"),
        ("template", "antlets/TEMPLATES/mine"),
        ("clone", "antlets/web2"),
        ("snapshot", "b"),
    }
    with pytest.raises(NotFoundError, match="it has: a, b"):
        listing.snapshot("web1", "c")


def test_an_unknown_antlet_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError, match="no antlet 'web1'"):
        inventory(world).antlet("web1")
