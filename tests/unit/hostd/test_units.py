"""Units and package description agree with the library and with each other."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from edgelinux_hostd import firewall, layout

ROOM = Path(__file__).parents[3] / "hostd"
UNITS = ROOM / "units"


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(UNITS / name, encoding="utf-8")
    return found


@pytest.mark.parametrize(("dataset", "directory"), layout.state_mounts().items())
def test_every_state_dataset_has_its_mount_unit(dataset: str, directory: str) -> None:
    # systemd-escape --path; none of the directories needs more than this.
    name = directory.strip("/").replace("/", "-") + ".mount"
    mount = unit(name)
    assert mount["Mount"]["What"] == f"{layout.POOL}/{dataset}"
    assert mount["Mount"]["Where"] == directory
    assert mount["Mount"]["Type"] == "zfs"
    assert mount["Unit"]["ConditionKernelCommandLine"] == "edgelinux.pool"
    assert mount["Install"]["RequiredBy"] == "local-fs.target"


def test_the_firewall_is_up_before_the_network() -> None:
    service = unit("edgelinux-firewall.service")
    assert f"/{firewall.PATH}" in service["Service"]["ExecStart"]
    assert service["Service"]["ExecStop"].endswith(f"delete table {firewall.TABLE}")
    assert service["Unit"]["ConditionPathExists"] == f"/{firewall.PATH}"


def test_what_the_package_enables_is_there_and_can_be_enabled() -> None:
    package = yaml.safe_load((ROOM / "packaging/package.yaml").read_text(encoding="utf-8"))
    for name in package["units"]["enable"]:
        assert unit(name).has_section("Install"), name
    for file in package["files"]:
        assert list(ROOM.glob(file["source"])), file["source"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_units() -> None:
    units = sorted([*UNITS.iterdir(), *(ROOM / "dracut").glob("*/*.service")])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    # Programs that only a host has are no fault of the units, nor are keys that a host's systemd (257) knows
    # and an older one here does not.
    faults = [
        line
        for line in done.stderr.splitlines()
        if "is not executable" not in line and "Unknown key 'DelegateSubgroup'" not in line
    ]
    assert faults == []
