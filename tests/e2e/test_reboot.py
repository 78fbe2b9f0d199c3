"""A reboot, with a second pool called antlets on another disk: an old mirror half, another host's disk."""

from __future__ import annotations

import pytest

from tests.e2e.pair import Pair

# Its boot environment has the name of the host's own, it is set as the pool's bootfs, and other datasets
# would mount over the host's files.
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
zpool set bootfs=foreign/ROOT/{version} foreign
zpool get -H -o value guid foreign
zpool export foreign
"""


@pytest.mark.parametrize("pair", ["uefi"], indirect=True)
def test_a_foreign_pool_of_the_same_name_is_left_alone(pair: Pair) -> None:
    _, host = pair.running()
    version = host.check_output("findmnt -no SOURCE /").rpartition("/")[2]
    guid = host.check_output("zpool get -H -o value guid antlets")
    identity = host.check_output("cat /etc/machine-id /etc/hostid | sha256sum; cat /etc/ssh/*_key.pub | sort")
    made = host.run(FOREIGN_POOL.format(version=version))
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
