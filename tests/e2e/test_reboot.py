"""A reboot, with a second pool called antlets on another disk: an old mirror half, another host's disk."""

from __future__ import annotations

import re

import pytest

from tests.e2e.antlets import API, FAREWELL, WEB, Antlets
from tests.e2e.pair import Pair

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)

# Their datasets in the foreign pool: one with a number that is taken here, one with a number that is free.
OLD = 230

# Its boot environment has the name of the host's own, it is set as the pool's bootfs, and other datasets
# would mount over the host's files. Two antlets are in it, which only their antlet.yaml tells of.
FOREIGN_POOL = """
set -eu
disk=$(ls /dev/disk/by-id/*edgelinux-disk0)
zpool create -t foreign -o cachefile=none -O canmount=off -O mountpoint=none antlets "$disk"
zfs create -o canmount=off -o mountpoint=none foreign/ROOT
zfs create -o canmount=noauto -o mountpoint=/ foreign/ROOT/{version}
mkdir -p /run/foreign
mount -t zfs -o zfsutil foreign/ROOT/{version} /run/foreign
mkdir -p /run/foreign/sbin /run/foreign/etc /run/foreign/usr
touch /run/foreign/foreign-root
umount /run/foreign
zfs create -u -o mountpoint=/etc foreign/etc
zfs create -u -o mountpoint=/usr/local foreign/local
zfs create -u -o canmount=off -o mountpoint=none foreign/STATE
zfs create -u -o mountpoint=legacy foreign/STATE/root
zfs create -u -o mountpoint=legacy foreign/STATE/log
make_antlet() {{
    zfs create -u -o mountpoint=legacy foreign/$1
    mount -t zfs foreign/$1 /run/foreign
    mkdir /run/foreign/rootfs
    echo "{{name: $1, number: $2, uuid: $3, kind: lxc, ram: 128, cpu: 1}}" > /run/foreign/antlet.yaml
    umount /run/foreign
    zfs inherit mountpoint foreign/$1
}}
make_antlet old1 {taken} 5f0e2a52-6a3c-4a0e-9d35-0f6a1b7c1d01
make_antlet old2 {free} 5f0e2a52-6a3c-4a0e-9d35-0f6a1b7c1d02
zpool set bootfs=foreign/ROOT/{version} foreign
zpool get -H -o value guid foreign
zpool export foreign
"""


def test_a_foreign_pool_of_the_same_name_is_left_alone(pair: Pair, antlets: Antlets, web1: str) -> None:
    host = antlets.host
    if antlets.all().get("copy1", {}).get("state") == "Stopped":
        antlets.antlet("start", "copy1")
    for name in (web1, "api1"):
        antlets.inside(name, FAREWELL)
    version = host.check_output("findmnt -no SOURCE /").rpartition("/")[2]
    guid = host.check_output("zpool get -H -o value guid antlets")
    identity = host.check_output("cat /etc/machine-id /etc/hostid | sha256sum; cat /etc/ssh/*_key.pub | sort")
    made = host.run(FOREIGN_POOL.format(version=version, taken=WEB, free=OLD))
    assert made.rc == 0, made.stderr
    foreign = made.stdout.split()[-1]
    assert foreign != guid

    host = pair.reboot("uefi-reboot")

    assert host.check_output("zpool list -H -o name,guid,health").split() == ["antlets", guid, "ONLINE"]
    assert foreign in host.check_output("zpool import"), "the foreign pool was not even visible"
    assert host.check_output("findmnt -no SOURCE /") == f"antlets/ROOT/{version}"
    assert not host.file("/foreign-root").exists
    for directory in ("/etc", "/usr/local"):
        assert host.check_output(f"findmnt -no TARGET --target {directory}") == "/"
    assert host.file("/root/post-ran").exists
    assert host.run("timeout 240 systemctl is-system-running --wait").stdout.strip() == "running"
    again = host.check_output("cat /etc/machine-id /etc/hostid | sha256sum; cat /etc/ssh/*_key.pub | sort")
    assert again == identity


def test_antlets_start_with_the_host_in_their_order(antlets: Antlets) -> None:
    """Those that shall; the clone of one of them ran when the host went down, and does not."""
    for name, number in (("web1", WEB), ("api1", API)):
        antlets.wait_for_state(name, "Running", 240)
        antlets.wait_for_ssh(name)
        assert antlets.ssh(name, "hostname; ip -4 -o addr show eth0").stdout.split()[0] == name
        assert f"inet 10.1.1.{number}/" in antlets.inside(name, "ip -4 -o addr show eth0")
    assert antlets.state("copy1") == "Stopped"
    started = [one for one in antlets.ask("job", "list") if one["kind"] == "start-antlet"]
    assert [one["title"] for one in started[:2]] == ["start web1", "start api1"], "the newest is first"
    assert started[0]["started"] >= started[1]["finished"]


def test_antlets_were_shut_down_in_order(antlets: Antlets) -> None:
    """The last to start was the first to stop, and each had the time to say farewell."""
    first, last = (int(antlets.inside(name, "cat /root/farewell")) for name in ("web1", "api1"))
    assert first < last


def test_recovering_the_foreign_pool(antlets: Antlets) -> None:
    """It comes in under another name; of its system nothing is mounted, its antlets are this host's now."""
    host = antlets.host
    refused = antlets.antlet("recover", code=5).stderr
    assert f"old1: number {WEB} is that of antlets/web1" in refused
    assert host.check_output("zpool list -H -o name").split() == ["antlets"]
    offered = host.check_output("zpool import")

    plan = antlets.antlet("recover", "--dry-run", "--renumber").stdout
    # Neither the attempt that was refused nor this one has left a trace in it.
    assert re.search(r"pool antlets \(\d+\) is imported as antlets-[0-9a-f]{6}", plan)
    assert f"antlet old2, number {OLD}" in plan
    assert host.check_output("zpool list -H -o name").split() == ["antlets"]
    assert re.search(r"(?m)^\s*pool: antlets$", offered)
    assert host.check_output("zpool import") == offered
    assert not host.file("/run/edgelinux/found").exists

    result = antlets.ask("recover", "--renumber")
    assert sorted(result["antlets"]) == ["old1", "old2"]
    pool = next(name for name in host.check_output("zpool list -H -o name").split() if name != "antlets")
    assert re.fullmatch(r"antlets-[0-9a-f]{6}", pool)
    mounted = host.check_output("findmnt -rn -t zfs -o SOURCE").split()
    assert {name for name in mounted if name.startswith(f"{pool}/")} == {f"{pool}/old1", f"{pool}/old2"}
    for directory in ("/etc", "/usr/local"):
        assert host.check_output(f"findmnt -no TARGET --target {directory}") == "/"
    found = antlets.all()
    assert found["old2"]["antlet-num"] == OLD
    assert found["old1"]["antlet-num"] not in (WEB, API, OLD)
    assert {found[name]["zpool-name"] for name in ("old1", "old2")} == {pool}
    assert {found[name]["state"] for name in ("old1", "old2")} == {"Stopped"}
    assert antlets.ask("recover")["antlets"] == []
