"""A recorded machine, and files that are none."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.disks import DiskRecord
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer import hardware
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parent / "golden"


def test_the_machine_of_a_record() -> None:
    machine = hardware.machine(hardware.load(GOLDEN / "rack-server/hardware.json"))
    assert machine.firmware == "uefi"
    assert machine.cpu_level == "x86-64-v3"
    # Neither the optical drive of the BMC nor its empty disk is a disk.
    assert [disk.name for disk in machine.disks] == ["nvme0n1", "nvme1n1", "sdb", "sdc", "sdd", "sde"]
    assert [nic.name for nic in machine.nics] == ["eno1", "eno2", "ens1f0", "ens1f1", "usb0"]
    assert hardware.machine(hardware.load(GOLDEN / "antsle-atom/hardware.json")).firmware == "bios"


def test_this_machine_can_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the disks, which may need root, is really looked at."""
    monkeypatch.setattr(hardware, "record_disks", lambda: DiskRecord(lsblk={"blockdevices": []}))
    monkeypatch.setattr(hardware, "record_nics", lambda: ([], ()))
    found = hardware.record()
    assert "root" in found.accounts
    assert found.cpuinfo.startswith("flags") or found.cpuinfo == ""
    assert hardware.machine(found).disks == ()


def test_efivars_tell_the_firmware(tmp_path: Path) -> None:
    assert hardware._efivars(tmp_path / "none/efivars") is None
    folder = tmp_path / "efi/efivars"
    folder.mkdir(parents=True)
    for name in ("SecureBoot-8be4df61", "Boot0000-8be4df61", "dump-type0-1-cfc8fc79"):
        (folder / name).touch()
    assert hardware._efivars(folder) == ("Boot0000-8be4df61", "SecureBoot-8be4df61")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "path", "type", "size", "children", "ifname", "flags", "blockdevices", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON)
def test_no_file_crashes_the_reader(tmp_path: Path, lsblk: Any, ip_link: Any) -> None:
    file = tmp_path / "hardware.json"
    devices = [{"type": "disk", "size": 1, "name": "sda", "path": "/dev/sda", "children": lsblk}]
    for disks in (
        lsblk,
        {"lsblk": lsblk},
        {"lsblk": {"blockdevices": lsblk}},
        {"lsblk": {"blockdevices": devices}},
    ):
        file.write_text(json.dumps({"format": 1, "disks": disks, "ip_link": ip_link, "physical": ["x"]}))
        with contextlib.suppress(EdgeLinuxError):
            hardware.machine(hardware.load(file))
