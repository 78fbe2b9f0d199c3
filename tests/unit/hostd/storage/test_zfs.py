"""Datasets and snapshots as zfs prints them, and what becomes of its errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from edgelinux_hostd.errors import (
    BusyError,
    CommandError,
    EdgeLinuxError,
    InvalidError,
    NotFoundError,
    RefusedError,
)
from edgelinux_hostd.storage.base import Storage
from edgelinux_hostd.storage.zfs import ZfsStorage

from .conftest import Commands

ZFS: Storage = ZfsStorage()


@pytest.fixture
def listed(commands: Commands, recorded: Callable[[str], str]) -> Commands:
    commands.says("zfs get -Hp -t filesystem", recorded("zfs-get.txt"))
    commands.says("zfs get -Hp -t snapshot", recorded("zfs-get-snapshots.txt"))
    return commands


def test_what_lies_in_a_pool_takes_one_command(listed: Commands) -> None:
    found = {info.name: info for info in ZFS.datasets("hdd")}
    assert list(found) == ["hdd/TEMPLATES", "hdd/other", "hdd/web1", "hdd/web2"]
    assert len(listed.ran) == 1
    web1 = found["hdd/web1"]
    assert web1.mountpoint == Path("/hdd/web1")
    assert web1.mounted
    assert (web1.quota, web1.origin, web1.logical) == (100 * 1024**2, "hdd/TEMPLATES/tiny@1", 3160064)
    assert web1.local == {
        "edgelinux:kind": "antlet",
        "edgelinux:name": "web1",
        "edgelinux:number": "25",
        "edgelinux:uuid": "8f2c5f3e-61f5-4a8e-9a0e-6f8d7d0a3c11",
    }
    assert (web1.compression, web1.compression_source) == ("lz4", "inherited from hdd")
    assert (found["hdd/web2"].compression, found["hdd/web2"].compression_source) == ("off", "local")
    assert found["hdd/other"].mountpoint is None
    assert not found["hdd/TEMPLATES"].mounted


def test_snapshots_know_their_clones_and_inherited_ownership_is_none(listed: Commands) -> None:
    first, second = ZFS.snapshots("hdd/TEMPLATES/tiny")
    assert len(listed.ran) == 1
    assert first.name == "hdd/TEMPLATES/tiny@1"
    assert first.clones == ("hdd/web1", "hdd/web2")
    assert first.local == {"edgelinux:kind": "template"}
    assert second.clones == ()
    # zfs shows its dataset's kind for it, as inherited.
    assert second.local == {}


LINES = """\
hdd/x\tmountpoint\t/hdd/x\tdefault
hdd/x\tmounted\tyes\t-
hdd/x\tavailable\t2\t-
hdd/x\tquota\tnone\tdefault
hdd/x\torigin\t-\t-
hdd/x\tcreation\t5\t-
hdd/x\tused\t1\t-
hdd/x\treferenced\t3\t-
hdd/x\tlogicalreferenced\t4\t-
hdd/x\tcompression\tlz4\tdefault
hdd/x\tedgelinux:kind\tantlet\treceived
"""


def test_a_received_property_is_not_ownership(commands: Commands) -> None:
    commands.says("zfs get", LINES + "hdd/x\tedgelinux:name\ta\tb\tlocal\n")
    found = ZFS.dataset("hdd/x")
    assert found is not None
    assert found.local == {"edgelinux:name": "a\tb"}
    assert (found.used, found.available, found.quota) == (1, 2, 0)
    assert found.compression_source == "default"


def test_a_value_with_a_line_break_is_no_dataset(commands: Commands) -> None:
    commands.says(
        "zfs get", LINES + "hdd/x\tedgelinux:name\ta\nhdd/y\tedgelinux:kind\tantlet\tlocal\tlocal\n"
    )
    assert [info.name for info in (ZFS.dataset("hdd/x"),) if info] == ["hdd/x"]
    assert [info.name for info in ZFS.datasets("hdd")] == ["hdd/x"]


def test_what_is_not_there(commands: Commands) -> None:
    commands.says("zfs", stderr="cannot open 'hdd/none': dataset does not exist\n")
    assert ZFS.dataset("hdd/none") is None
    assert ZFS.datasets("hdd/none") == ()
    assert ZFS.snapshots("hdd/none") == ()
    ZFS.destroy("hdd/none")
    with pytest.raises(NotFoundError, match=r"^cannot clone hdd/a@b as hdd/c: dataset does not exist$"):
        ZFS.clone("hdd/a@b", "hdd/c", {})


def test_an_absent_snapshot_is_destroyed_already(commands: Commands) -> None:
    commands.says("zfs destroy", stderr="could not find any snapshots to destroy; check snapshot names.\n")
    ZFS.destroy("hdd/web1@nope")


def test_properties_are_set_in_the_same_transaction(commands: Commands) -> None:
    ZFS.clone("hdd/TEMPLATES/t@1", "hdd/a", {"edgelinux:kind": "antlet", "quota": "1048576"})
    ZFS.create("hdd/b", {"edgelinux:kind": "antlet"})
    ZFS.snapshot("hdd/b@c", {"edgelinux:kind": "antlet"})
    ZFS.set("hdd/b", {})
    assert commands.ran == [
        "zfs clone -o edgelinux:kind=antlet -o quota=1048576 hdd/TEMPLATES/t@1 hdd/a",
        "zfs create -o edgelinux:kind=antlet hdd/b",
        "zfs snapshot -o edgelinux:kind=antlet hdd/b@c",
    ]


def test_mounting_what_is_mounted_is_done(commands: Commands) -> None:
    commands.says("zfs mount", stderr="cannot mount 'hdd/a': filesystem already mounted\n")
    commands.says("zfs unmount", stderr="cannot unmount 'hdd/a': not currently mounted\n")
    ZFS.mount("hdd/a")
    ZFS.unmount("hdd/a")


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("cannot create 'hdd/b': out of space", RefusedError, "out of space (delete snapshots"),
        (
            "cannot mount '/hdd/b': failed to create mountpoint: Disk quota exceeded\n"
            "filesystem successfully created, but not mounted",
            RefusedError,
            "its quota is used up",
        ),
        ("cannot create 'hdd/b': dataset already exists", RefusedError, "dataset already exists"),
        (
            "cannot mount 'hdd/b': Not a directory\nfilesystem successfully created, but not mounted",
            EdgeLinuxError,
            "it was made but not mounted: Not a directory (move away",
        ),
        ("cannot mount '/hdd/b': directory is not empty", RefusedError, "its mountpoint is not empty"),
        ("internal error: unheard of", EdgeLinuxError, "unheard of"),
    ],
)
def test_why_a_clone_fails(commands: Commands, said: str, kind: type[Exception], message: str) -> None:
    commands.says("zfs clone", stderr=f"{said}\n")
    with pytest.raises(kind) as caught:
        ZFS.clone("hdd/a@1", "hdd/b", {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("cannot receive: invalid stream (bad magic number)", InvalidError, "invalid stream (bad magic"),
        ("cannot receive: failed to read from stream", InvalidError, "not what `zfs send` wrote"),
        ("cannot receive new filesystem stream: incomplete stream", InvalidError, "or not all of it"),
        (
            "cannot receive incremental stream: destination 'hdd/a' does not exist",
            InvalidError,
            "it holds only changes",
        ),
        (
            "cannot receive new filesystem stream: destination 'hdd/a' exists\n"
            "must specify -F to overwrite it",
            RefusedError,
            "cannot receive hdd/a: dataset already exists",
        ),
        ("cannot receive new filesystem stream: out of space", RefusedError, "out of space (delete"),
    ],
)
def test_why_a_stream_is_not_received(
    monkeypatch: pytest.MonkeyPatch, said: str, kind: type[Exception], message: str
) -> None:
    def feed(argv: list[str], _stream: object) -> None:
        raise CommandError(argv, 1, f"{said}\n")

    monkeypatch.setattr("edgelinux_hostd.stream.feed", feed)
    with pytest.raises(kind) as caught:
        ZFS.receive(io.BytesIO(b""), "hdd/a", {})
    assert message in str(caught.value)


def test_where_a_stream_is_mounted_is_not_for_it_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr("edgelinux_hostd.stream.feed", lambda argv, _stream: ran.append(" ".join(argv)))
    ZFS.receive(io.BytesIO(b""), "hdd/a", {"edgelinux:kind": "template", "canmount": "noauto"})
    assert ran == [
        "zfs receive -u -o edgelinux:kind=template -o canmount=noauto"
        " -x mountpoint -x sharenfs -x sharesmb hdd/a"
    ]


def test_a_busy_dataset(commands: Commands) -> None:
    commands.says("zfs", stderr="cannot unmount '/hdd/web2': pool or dataset is busy\n")
    with pytest.raises(BusyError, match="something uses it"):
        ZFS.unmount("hdd/web2")
    with pytest.raises(BusyError, match="something uses it"):
        ZFS.destroy("hdd/web2")


def test_what_depends_on_it_is_listed(commands: Commands) -> None:
    commands.says(
        "zfs destroy",
        stderr="cannot destroy 'hdd/t@1': snapshot has dependent clones\n"
        "use '-R' to destroy the following datasets:\nhdd/web1\nhdd/web2\n",
    )
    with pytest.raises(RefusedError) as caught:
        ZFS.destroy("hdd/t@1")
    assert caught.value.items == ("hdd/web1", "hdd/web2")
    commands.says(
        "zfs rollback",
        stderr="cannot rollback to 'hdd/web1@a': more recent snapshots or bookmarks exist\n"
        "use '-r' to force deletion of the following snapshots and bookmarks:\nhdd/web1@b\n",
    )
    with pytest.raises(RefusedError) as caught:
        ZFS.rollback("hdd/web1@a", destroy_newer=False)
    assert caught.value.items == ("hdd/web1@b",)


def test_nothing_newer_is_destroyed_unasked(commands: Commands) -> None:
    ZFS.rollback("hdd/a@1", destroy_newer=False)
    ZFS.rollback("hdd/a@1", destroy_newer=True)
    assert commands.ran == ["zfs rollback hdd/a@1", "zfs rollback -r hdd/a@1"]


@pytest.mark.parametrize("name", ["hdd", "hdd/a@b,c", "hdd/a@b%c", "hdd/a@%"])
def test_no_pool_and_no_range_of_snapshots_is_ever_destroyed(commands: Commands, name: str) -> None:
    with pytest.raises(InvalidError):
        ZFS.destroy(name)
    assert commands.ran == []
