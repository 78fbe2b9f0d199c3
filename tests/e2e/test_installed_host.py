"""The installed host after its first boot, with both firmwares, looked at from inside."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from edgelinux_build.qemu.announced import wait_for_announcement
from edgelinux_hostd.cpu import cpu_level

from tests.e2e.pair import SLOTS, Pair
from tests.e2e.sites import HOSTNAME


@pytest.fixture
def host(pair: Pair) -> Any:
    """A root connection to the running host; its console must have stayed clean until the test's end."""
    vm, connection = pair.running()
    vm.poll()
    return connection


@pytest.fixture(autouse=True)
def _clean_console(pair: Pair) -> Any:
    yield
    if pair.vm is not None:
        pair.vm.poll()


@pytest.fixture
def image(host: Any) -> dict[str, Any]:
    """What the image says about itself."""
    described: dict[str, Any] = json.loads(host.file("/usr/lib/edgelinux/image.json").content_string)
    return described


def settled(host: Any) -> str:
    """systemd's state once start-up has finished."""
    return str(host.run("timeout 240 systemctl is-system-running --wait").stdout.strip())


def properties(host: Any, dataset: str, *names: str) -> dict[str, str]:
    """ZFS properties of a dataset."""
    lines = host.check_output(f"zfs get -Hp -o property,value {','.join(names)} {dataset}").splitlines()
    return dict(line.split("\t", 1) for line in lines)


class TestSystem:
    def test_no_failed_units(self, host: Any) -> None:
        state = settled(host)
        failed = host.check_output("systemctl --failed --plain --no-legend")
        assert (state, failed) == ("running", "")

    def test_the_first_program_knows_the_cpu(self, host: Any, image: dict[str, Any]) -> None:
        """Its verdict on a CPU that is good enough: what the installer's own reading of the flags says."""
        level = host.check_output("/usr/lib/edgelinux/edgelinux-cpu")
        assert level == cpu_level(host.file("/proc/cpuinfo").content_string)
        assert level >= image["cpu_level"]

    def test_host_name(self, host: Any) -> None:
        assert host.check_output("hostname") == HOSTNAME
        assert host.file("/etc/hostname").content_string.strip() == HOSTNAME

    def test_locale_time_zone_and_keyboard(self, host: Any) -> None:
        assert host.file("/etc/localtime").linked_to == "/usr/share/zoneinfo/Europe/Berlin"
        assert "LANG=en_US.UTF-8" in host.file("/etc/locale.conf").content_string.replace('"', "")
        # systemd's own key, or that of a base whose console takes X11's layouts.
        layout = re.compile(r"^(KEYMAP|XKBLAYOUT)=\"?de", re.MULTILINE)
        assert layout.search(host.file("/etc/vconsole.conf").content_string)
        assert host.check_output("LC_ALL=en_US.UTF-8 locale charmap 2>&1") == "UTF-8"

    def test_time_servers(self, host: Any) -> None:
        assert (
            host.check_output("systemctl is-active chrony chronyd 2>/dev/null | sort -u").split()[0]
            == "active"
        )
        assert "192.0.2.123" in host.check_output("chronyc -n sources")

    def test_machine_id_is_the_hosts_own(self, host: Any) -> None:
        assert re.fullmatch(r"[0-9a-f]{32}", host.file("/etc/machine-id").content_string.strip())

    def test_the_image_has_no_identity(self, host: Any) -> None:
        """Host keys are younger than the image: each host makes or gets its own."""
        keys = host.check_output("ls /etc/ssh/ssh_host_*_key").split()
        assert keys
        for key in keys:
            assert host.file(key).mode == 0o600

    def test_no_compiler_no_headers_no_dkms(self, host: Any) -> None:
        assert host.run("command -v gcc cc make dkms").stdout == ""
        assert host.run("ls -d /usr/src/*").stdout == ""

    def test_package_sources_are_disabled(self, host: Any) -> None:
        update = host.run("apt-get indextargets --format '$(SITE)' || dnf -q repolist --enabled")
        assert update.stdout.strip() == ""

    def test_kernel_and_zfs_are_held(self, host: Any, image: dict[str, Any]) -> None:
        if image["base"].startswith("debian"):
            held = host.check_output("apt-mark showhold")
            assert "linux-image" in held
            assert "zfsutils-linux" in held

    def test_antlet_command(self, host: Any, image: dict[str, Any]) -> None:
        assert image["version"] in host.check_output("antlet --version")

    def test_kernel_command_line(self, host: Any, image: dict[str, Any]) -> None:
        words = host.file("/proc/cmdline").content_string.split()
        assert f"root=zfs:antlets/ROOT/{image['version']}" in words
        guid = host.check_output("zpool get -H -o value guid antlets")
        assert f"edgelinux.pool={guid}" in words
        assert {"panic=30", "edgelinux.e2e=1", "console=ttyS0,115200", *image["kernel_args"]} <= set(words)

    def test_install_log_is_kept(self, host: Any, pair: Pair) -> None:
        log = host.file("/var/log/edgelinux/install.log")
        assert log.exists
        (pair.lab.artefacts / pair.kind / "install.log").write_text(log.content_string)
        assert log.size > 500
        # The other kickstart, on the stick's ISO and for all other machines, has another host name.
        taken = "taking sites/52-54-00-65-64-67.ks on the stick" in log.content_string
        assert taken == (pair.kind == "bios")

    def test_post_ran_in_the_installed_system(self, host: Any) -> None:
        assert HOSTNAME in host.file("/root/post-ran").content_string

    def test_console_banner(self, host: Any, image: dict[str, Any]) -> None:
        banner = host.check_output("cat /run/issue /run/issue.d/* /etc/issue.d/* 2>/dev/null || true")
        address = host.check_output("ip -4 -o addr show br0").split()[3].partition("/")[0]
        for word in (image["version"], address):
            assert word in banner

    def test_memory(self, host: Any) -> None:
        """2 GiB are enough: most of it is still free."""
        available = int(re.findall(r"MemAvailable:\s+(\d+)", host.file("/proc/meminfo").content_string)[0])
        assert available > 900 * 1024


class TestStorage:
    def test_root_is_the_boot_environment(self, host: Any, image: dict[str, Any]) -> None:
        assert host.check_output("findmnt -no SOURCE,FSTYPE /").split() == [
            f"antlets/ROOT/{image['version']}",
            "zfs",
        ]

    def test_pool_is_a_healthy_mirror_of_both_disks(self, host: Any) -> None:
        assert host.check_output("zpool list -H -o health antlets") == "ONLINE"
        status = host.check_output("zpool status -LP antlets")
        assert "mirror-0" in status
        members = re.findall(r"^\s+(/dev/\S+)\s+ONLINE", status, re.MULTILINE)
        wanted = [
            host.check_output(f"realpath /dev/disk/by-id/*edgelinux-disk{slot}-part3 | head -1")
            for slot in SLOTS
        ]
        assert sorted(members) == sorted(wanted)

    def test_pool_properties(self, host: Any) -> None:
        lines = host.check_output("zpool get -H -o property,value ashift,compatibility antlets").splitlines()
        assert dict(line.split("\t") for line in lines) == {
            "ashift": "12",
            "compatibility": "openzfs-2.2-linux",
        }
        assert properties(host, "antlets", "compression", "acltype", "xattr", "atime", "direct") == {
            "compression": "lz4",
            "acltype": "posix",
            "xattr": "on",  # what ZFS 2.3 calls sa
            "atime": "off",
            "direct": "disabled",
        }

    def test_datasets(self, host: Any, image: dict[str, Any]) -> None:
        root = f"antlets/ROOT/{image['version']}"
        assert properties(host, "antlets/ROOT", "canmount", "mountpoint") == {
            "canmount": "off",
            "mountpoint": "none",
        }
        assert properties(host, root, "canmount", "mountpoint") == {"canmount": "noauto", "mountpoint": "/"}
        assert int(properties(host, root, "reservation")["reservation"]) > 0
        assert host.run("zfs list antlets/TEMPLATES").rc == 0
        listed = host.check_output("zfs list -H -o name -t snapshot -r antlets/TEMPLATES").splitlines()
        assert [name.partition("@")[0].rpartition("/")[2] for name in listed] == ["debian-13.lxc", "tiny"]

    @pytest.mark.parametrize(
        ("dataset", "directory"),
        [
            ("edgelinux", "/var/lib/edgelinux"),
            ("libvirt", "/var/lib/libvirt"),
            ("log", "/var/log"),
            ("home", "/home"),
            ("root", "/root"),
        ],
    )
    def test_state(self, host: Any, dataset: str, directory: str) -> None:
        name = f"antlets/STATE/{dataset}"
        assert host.check_output(f"findmnt -no SOURCE,FSTYPE {directory}").split() == [name, "zfs"]
        assert properties(host, name, "mountpoint") == {"mountpoint": "legacy"}

    def test_etc_belongs_to_the_boot_environment(self, host: Any) -> None:
        assert host.check_output("findmnt -no TARGET --target /etc/shadow") == "/"

    def test_host_id(self, host: Any) -> None:
        on_disk = host.check_output("od -An -tx4 /etc/hostid").strip()
        assert re.fullmatch(r"[0-9a-f]{8}", on_disk)
        assert int(on_disk, 16) != 0
        assert f"spl_hostid=0x{on_disk}" in host.file("/proc/cmdline").content_string
        assert int(host.file("/sys/module/spl/parameters/spl_hostid").content_string) == int(on_disk, 16)
        assert "hostid" not in host.check_output("zpool status antlets")

    def test_arc_is_limited(self, host: Any) -> None:
        limit = int(host.file("/sys/module/zfs/parameters/zfs_arc_max").content_string)
        memory = int(re.findall(r"MemTotal:\s+(\d+)", host.file("/proc/meminfo").content_string)[0]) * 1024
        assert memory // 9 < limit <= memory // 8

    def test_esps_are_not_mounted(self, host: Any) -> None:
        assert "vfat" not in host.check_output("findmnt -rno FSTYPE")
        assert not re.search(r"(?i)vfat|/boot/efi", host.file("/etc/fstab").content_string)

    def test_esps_hold_the_same(self, host: Any, image: dict[str, Any], pair: Pair) -> None:
        first, second = (f"/run/esp{slot}" for slot in SLOTS)
        for slot, directory in zip(SLOTS, (first, second), strict=True):
            device = host.check_output(f"ls /dev/disk/by-id/*edgelinux-disk{slot}-part2 | head -1")
            assert host.run(f"mkdir -p {directory} && mount -o ro {device} {directory}").rc == 0
        try:
            # grub-install writes the partition's own UUID into its load.cfg; no BIOS boots from a disk with
            # sectors of 4096 bytes, which goes without GRUB for BIOS: nothing else may differ.
            excluded = {"uefi": "grub", "bios": "load.cfg"}[pair.kind]
            assert host.run(f"diff -rq --exclude={excluded} {first} {second}").stdout == ""
            for_bios = [host.file(f"{esp}/edgelinux/grub/i386-pc/core.img").exists for esp in (first, second)]
            assert for_bios == [True, pair.kind == "bios"]
            for path in (
                "EFI/BOOT/BOOTX64.EFI",
                "edgelinux/grub.cfg",
                f"edgelinux/{image['version']}/vmlinuz",
                f"edgelinux/{image['version']}/initramfs.img",
            ):
                assert host.file(f"{first}/{path}").size > 0
            assert host.check_output(f"ls {first}/edgelinux/installed").startswith("EDGELINUX_")
        finally:
            host.run(f"umount {first} {second}")

    def test_no_other_disk_was_touched(self, host: Any, pair: Pair) -> None:
        if pair.kind == "uefi":
            disk = host.check_output("realpath /dev/disk/by-id/*edgelinux-disk0")
            assert host.run(f"cmp -n 67108864 {disk} /dev/zero").rc == 0
            assert host.run(f"wipefs --noheadings {disk}").stdout == ""


class TestNetwork:
    def test_bridge_has_the_address(self, host: Any) -> None:
        assert re.search(r"inet 10\.0\.2\.\d+/24", host.check_output("ip -4 addr show br0"))
        ports = host.check_output("ls /sys/class/net/br0/brif").split()
        assert len(ports) == 1
        assert "inet " not in host.check_output(f"ip -4 addr show {ports[0]}")

    def test_bridge_has_the_nics_mac(self, host: Any) -> None:
        """Otherwise a DHCP reservation made for the machine would not hold for the host."""
        assert host.file("/sys/class/net/br0/address").content_string.strip() == "52:54:00:65:64:67"

    def test_firewall_is_loaded(self, host: Any) -> None:
        rules = host.check_output("nft list table inet edgelinux")
        assert re.search(r"tcp dport .*8006", rules)
        assert re.search(r"policy drop|reject", rules)

    def test_ssh_takes_no_passwords(self, host: Any) -> None:
        effective = host.check_output("sshd -T").splitlines()
        assert "passwordauthentication no" in effective
        assert "kbdinteractiveauthentication no" in effective
        assert "permitemptypasswords no" in effective

    def test_resolver(self, host: Any) -> None:
        assert "nameserver" in host.file("/etc/resolv.conf").content_string


class TestAccounts:
    def test_user(self, host: Any) -> None:
        user = host.user("operator1")
        assert user.exists
        assert user.home == "/home/operator1"
        assert user.shell.endswith("/bash")
        assert host.file("/home/operator1").user == "operator1"

    def test_user_logs_in_with_the_key_and_becomes_root(self, pair: Pair) -> None:
        vm, _ = pair.running()
        operator = pair.lab.ssh(vm, user="operator1", boot="-operator")
        assert operator.check_output("id -un") == "operator1"
        assert operator.check_output("sudo -n id -u") == "0"

    def test_root_has_no_usable_password(self, host: Any) -> None:
        """The site gives root keys and no password."""
        assert host.check_output("passwd -S root").split()[1] in {"L", "LK"}

    def test_password_can_be_changed(self, host: Any) -> None:
        assert host.run("echo 'operator1:a long enough password' | chpasswd").rc == 0
        assert host.check_output("passwd -S operator1").split()[1] in {"P", "PS"}


class TestAnnouncement:
    def test_the_console_was_told_how_to_get_in(self, host: Any, pair: Pair, image: dict[str, Any]) -> None:
        vm, _ = pair.running()
        told = wait_for_announcement(vm)
        assert told is not None
        assert (told.hostname, image["version"] in told.product) == (HOSTNAME, True)
        address = host.check_output("ip -4 -o addr show br0").split()[3].partition("/")[0]
        assert address in told.all_addresses
        # The host of the network boot has another one, too, and may have it earlier.
        assert told.next[0] == f"ssh root@{told.all_addresses[0]}"
        assert pair.kind == "uefi" or told.all_addresses[0] == address
        listed = host.check_output("for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done")
        keys = {f"{words[1]} {words[-1]}" for words in map(str.split, listed.splitlines())}
        assert set(told.fingerprints) == keys

    def test_the_fingerprint_is_what_a_client_sees(self, pair: Pair) -> None:
        vm, _ = pair.running()
        told = wait_for_announcement(vm)
        assert told is not None
        port = str(vm.machine.network.ssh_port)
        scan = ["ssh-keyscan", "-T", "60", "-t", "ed25519", "-p", port, "127.0.0.1"]
        seen = subprocess.run(scan, check=True, capture_output=True, text=True).stdout
        shown = subprocess.run(
            ["ssh-keygen", "-lf", "-"], input=seen, check=True, capture_output=True, text=True
        ).stdout.split()
        assert f"{shown[1]} {shown[-1]}" == told.fingerprints[0]

    def test_the_command_says_the_same(self, host: Any, pair: Pair) -> None:
        vm, _ = pair.running()
        told = wait_for_announcement(vm)
        found = json.loads(host.check_output("antlet host announce --format json"))
        assert told is not None
        assert tuple(found["fingerprints"]) == told.fingerprints
        assert tuple(found["next"]) == told.next
        assert HOSTNAME in host.check_output("antlet host announce")

    def test_nobody_was_to_be_told(self, host: Any, pair: Pair) -> None:
        """No site here has `notify`, and the stick's host has no server: then nothing waits for one."""
        assert not host.file("/etc/edgelinux/notify.json").exists
        if pair.kind == "uefi":
            return  # its server was told: see test_network_boot
        state = host.check_output("systemctl show -p ConditionResult,ActiveState edgelinux-report.service")
        assert state.split() == ["ActiveState=inactive", "ConditionResult=no"]


class TestVirtualization:
    def test_libvirt_answers(self, host: Any) -> None:
        assert host.run("timeout 120 virsh -c qemu:///system version").rc == 0

    def test_lxc_is_there(self, host: Any) -> None:
        assert host.run("lxc-info --version").rc == 0
