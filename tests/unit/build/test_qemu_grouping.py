"""Which end-to-end tests share a machine."""

from __future__ import annotations

import pytest

from tests.e2e.grouping import group_of


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/e2e/test_installed_host.py::TestSystem::test_host_name[uefi]", "uefi"),
        ("tests/e2e/test_installed_host.py::TestStorage::test_state[bios-log-/var/log]", "bios"),
        ("tests/e2e/test_surviving_disk.py::test_one_disk_boots_alone[uefi-1-bios]", "uefi"),
        ("tests/e2e/test_reboot.py::test_a_foreign_pool_of_the_same_name_is_left_alone[uefi]", "uefi"),
        ("tests/e2e/test_live.py::TestRefusals::test_disk_missing", "tests/e2e/test_live.py"),
        ("tests/e2e/test_antlets_1_containers.py::TestNetwork::test_names[web1.bblv-uefi]", "uefi"),
        ("tests/unit/x.py::test[uefify]", "tests/unit/x.py"),
    ],
)
def test_groups(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group
