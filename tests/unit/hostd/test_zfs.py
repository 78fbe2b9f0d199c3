"""What zpool prints, and how it is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from edgelinux_hostd import zfs
from edgelinux_hostd.errors import EdgeLinuxError

from .conftest import Programs


def test_two_pools_of_one_name_differ_by_guid(recorded: Callable[[str], str]) -> None:
    assert zfs.parse_importable(recorded("zpool-import.txt")) == (
        zfs.ImportablePool("antlets", 11111111111111111111, "ONLINE"),
        zfs.ImportablePool("antlets", 2222222222222222222, "DEGRADED"),
    )


def test_no_pools() -> None:
    assert zfs.parse_importable("no pools available to import\n") == ()


def test_import_is_by_guid(programs: Programs) -> None:
    zfs.import_pool(42, "antlets", altroot="/mnt", force=True)
    assert programs.ran == [
        ["zpool", "import", "-N", "-o", "cachefile=none", "-R", "/mnt", "-f", "42", "antlets"]
    ]


def test_guid(programs: Programs) -> None:
    programs.answers["zpool"] = (0, "17293822569102704640\n", "")
    assert zfs.pool_guid("antlets") == 17293822569102704640


def test_root_dataset() -> None:
    mounts = ["proc /proc proc rw 0 0", "antlets/ROOT/2.1.0 / zfs rw,xattr 0 0"]
    assert zfs.root_dataset(mounts) == "antlets/ROOT/2.1.0"
    with pytest.raises(EdgeLinuxError, match="installed host"):
        zfs.root_dataset(["overlay / overlay rw 0 0"])


ONE = "/dev/disk/by-partuuid/11111111-2222-4333-8444-555555555555"
OTHER = "/dev/disk/by-partuuid/66666666-7777-4888-9999-aaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("file", "failed"),
    [
        ("zpool-status-removed.txt", {OTHER: "REMOVED"}),
        ("zpool-status-faulted.txt", {ONE: "FAULTED"}),
        # The last disk of a pool that is suspended may still call itself online.
        ("zpool-status-suspended.txt", {ONE: "SUSPENDED", OTHER: "UNAVAIL"}),
    ],
)
def test_members_that_failed(recorded: Callable[[str], str], file: str, failed: dict[str, str]) -> None:
    assert zfs.failed_members(recorded(file)) == failed


def test_no_member_failed(recorded: Callable[[str], str]) -> None:
    healthy = (
        recorded("zpool-status-removed.txt").replace("REMOVED ", "ONLINE  ").replace("DEGRADED", "ONLINE")
    )
    assert zfs.failed_members(healthy) == {}
    assert zfs.failed_members("") == {}
