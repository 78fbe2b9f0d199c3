"""Units and package description agree with the library and with each other."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import edgelinux_hostd
import fastapi
import pydantic
import pytest
import yaml
from edgelinux_hostd import firewall, layout
from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.api.serve import SOCKET
from edgelinux_hostd.command import client
from edgelinux_hostd.network import filters

# Where the tree has its Python packages, when this runs in it (see tests/tree.py).
IN_TREE = os.environ.get("EDGELINUX_TREE", "")

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


def test_a_live_system_has_nothing_of_a_hosts() -> None:
    package = yaml.safe_load((ROOM / "packaging/package.yaml").read_text(encoding="utf-8"))
    # Both lie on the host's own file systems only.
    written = {f"/{firewall.PATH}", str(filters.PATH)}
    for name in package["units"]["enable"]:
        found = unit(name)["Unit"]
        on_host = found.get("ConditionKernelCommandLine") == "edgelinux.pool"
        announces = name == "edgelinux-announce.service"
        assert on_host or announces or found.get("ConditionPathExists") in written, name


def after(name: str) -> set[str]:
    """All that a unit is ordered after; at shutdown it is stopped before these."""
    text = (UNITS / name).read_text(encoding="utf-8")
    return {word for line in re.findall(r"^After=(.*)$", text, re.M) for word in line.split()}


def test_antlets_are_stopped_in_their_order_before_what_they_need() -> None:
    needed = {"libvirtd.service", "virtqemud.service", "virtnetworkd.service", "network.target", "zfs.target"}
    # libvirt orders the scopes of machines before this target.
    assert {*needed, "hostd.service", "virt-guest-shutdown.target"} <= after("edgelinux-antlets.service")
    assert unit("antlet-lxc@.service")["Unit"]["Before"] == "edgelinux-antlets.service"
    assert {"libvirtd.service", "virtnetworkd.service", "network.target", "zfs.target"} <= after(
        "antlet-lxc@.service"
    )


def test_the_firewall_is_up_before_the_network() -> None:
    service = unit("edgelinux-firewall.service")
    assert f"/{firewall.PATH}" in service["Service"]["ExecStart"]
    assert service["Service"]["ExecStop"].endswith(f"delete table {firewall.TABLE}")
    assert service["Unit"]["ConditionPathExists"] == f"/{firewall.PATH}"


def test_what_antlets_may_send_is_settled_before_the_network() -> None:
    service = unit("edgelinux-antlet-filter.service")
    assert service["Unit"]["ConditionPathExists"] == str(filters.PATH)
    assert service["Service"]["ExecStart"].endswith(f" -f {filters.PATH}")
    assert "network-pre.target" in service["Unit"]["Before"]
    # Stopping the unit must not set the antlets free.
    assert "ExecStop" not in service["Service"]


def test_networkmanager_leaves_the_antlets_devices_alone() -> None:
    text = (ROOM / "networkmanager/60-edgelinux.conf").read_text(encoding="utf-8")
    assert f"interface-name:{numbers.NETWORK};" in text
    assert numbers.port(25, 1).startswith("antlet")
    assert "interface-name:antlet*" in text


def test_bridged_frames_are_never_filtered_as_if_they_were_routed() -> None:
    sysctl = (ROOM / "sysctl/60-edgelinux.conf").read_text(encoding="utf-8")
    assert "-net.bridge.bridge-nf-call-iptables = 0" in sysctl
    assert "net.ipv4.ip_forward = 1" in sysctl
    # The module sets it back when it is loaded, after systemd-sysctl has run.
    assert "--prefix=/net/bridge" in (ROOM / "udev/60-edgelinux-bridge.rules").read_text(encoding="utf-8")


def test_what_the_package_enables_is_there_and_can_be_enabled() -> None:
    package = yaml.safe_load((ROOM / "packaging/package.yaml").read_text(encoding="utf-8"))
    for name in package["units"]["enable"]:
        assert unit(name).has_section("Install"), name
    for file in package["files"]:
        assert list(ROOM.glob(file["source"])), file["source"]


# What gives a service a mount namespace of its own (systemd.exec(5)): what hostd mounts must be the host's.
MOUNT_NAMESPACE = re.compile(
    r"Bind\w*Paths|\w*ExecPaths|Extension\w+|\w*Images?|InaccessiblePaths|Mount(?!Images)\w+|Private\w+|ProcSubset"
    r"|Protect\w+|Read\w+Paths|Root\w+|TemporaryFileSystem|DynamicUser"
)


def test_hostd_has_no_mount_namespace_of_its_own() -> None:
    assert [name for name in unit("hostd.service")["Service"] if MOUNT_NAMESPACE.fullmatch(name)] == []


def test_hostds_socket_is_for_a_group_that_there_is() -> None:
    found = unit("hostd.socket")["Socket"]
    assert (found["ListenStream"], found["SocketMode"]) == (str(SOCKET), "0660")
    assert (found["ListenStream"], found["SocketGroup"]) == (client.SOCKET, client.GROUP)
    lines = (ROOM / "sysusers.d/edgelinux.conf").read_text(encoding="utf-8").splitlines()
    assert f"g {found['SocketGroup']} -" in lines
    package = yaml.safe_load((ROOM / "packaging/package.yaml").read_text(encoding="utf-8"))
    targets = [file["target"] for file in package["files"]]
    assert "/usr/lib/sysusers.d/edgelinux.conf" in targets


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="needs systemd-sysusers")
def test_the_group_is_made_when_the_tree_is_built(tmp_path: Path) -> None:
    # As the finished-tree stage does in the tree, without anything that a booted system has.
    for folder in ("etc", "usr/lib/sysusers.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    shutil.copy(ROOM / "sysusers.d/edgelinux.conf", tmp_path / "usr/lib/sysusers.d")
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
    assert "\nantlet:x:" in (tmp_path / "etc/group").read_text(encoding="utf-8")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_units() -> None:
    # What the initramfs's own units run is in the initramfs only.
    initramfs = [] if IN_TREE else (ROOM / "dracut").glob("*/*.service")
    units = sorted([*UNITS.iterdir(), *initramfs])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    # Programs that only a host has are no fault of the units, nor are keys that a host's systemd (257) knows
    # and an older one here does not.
    elsewhere = () if IN_TREE else ("is not executable", "Unknown key 'DelegateSubgroup'")
    faults = [line for line in done.stderr.splitlines() if not any(word in line for word in elsewhere)]
    assert faults == []


in_tree = pytest.mark.skipif(not IN_TREE, reason="asks about the built tree: `make tree`")


@in_tree
def test_no_unit_of_a_boot_waits_for_itself() -> None:
    # With all that is switched on; a cycle is solved by leaving out some unit of it, on another host another.
    argv = ["systemd-analyze", "verify", "--man=no", "multi-user.target", "antlet-lxc@web1.service"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "cycle" in line] == []


@in_tree
def test_what_the_package_names_is_switched_on() -> None:
    package = yaml.safe_load((ROOM / "packaging/package.yaml").read_text(encoding="utf-8"))
    for name in package["units"]["enable"]:
        done = subprocess.run(["systemctl", "is-enabled", name], capture_output=True, text=True, check=False)
        assert done.stdout == "enabled\n", name


@in_tree
@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="this base has no AppArmor")
def test_the_containers_profile_is_loaded_at_boot() -> None:
    profile = "/etc/apparmor.d/lxc-antlet"
    parser = ["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--names", profile]
    done = subprocess.run(parser, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "lxc-antlet\n"), done.stderr
    enabled = subprocess.run(
        ["systemctl", "is-enabled", "apparmor.service"], check=False, capture_output=True
    )
    assert enabled.stdout == b"enabled\n"


@in_tree
def test_what_is_tested_in_the_tree_is_what_ships() -> None:
    for module in (edgelinux_hostd, pydantic, fastapi, click, yaml):
        assert Path(str(module.__file__)).is_relative_to(IN_TREE), module
    # It is this repository's.
    for file in (ROOM / "edgelinux_hostd").rglob("*.py"):
        assert (Path(IN_TREE) / file.relative_to(ROOM)).read_bytes() == file.read_bytes(), file
    for file in UNITS.iterdir():
        assert Path("/usr/lib/systemd/system", file.name).read_bytes() == file.read_bytes(), file


@in_tree
def test_libvirt_does_not_wake_the_agent_for_nothing() -> None:
    daemons = [
        file for name in ("libvirtd", "virtqemud") if (file := Path(f"/etc/libvirt/{name}.conf")).exists()
    ]
    for file in daemons:
        assert "keepalive_interval = -1" in file.read_text(encoding="utf-8").splitlines()
    assert daemons
