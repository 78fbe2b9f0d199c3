"""The default ISO boots live with 2 GiB, touches nothing and says what to do; the installer's refusals.

The refusals run the whole installer on real block devices, one after the other in one boot.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from edgelinux_build.qemu.console import INSTALL_FAILED
from edgelinux_build.qemu.machine import Disk
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.qemu.session import Wishes

from tests.e2e.forms import fill_in
from tests.e2e.lab import Lab
from tests.e2e.serial import SerialShell

# vda and vdb could be taken, vdc is too small, vdd gets a file system, and sda can be pulled out.
DISKS = ("12G", "12G", "4G", "9G", "9G:usb")
PULLED = "disk4-device"
MEDIUM = "/run/initramfs/live"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

KICKSTART = """\
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
network --hostname=refused
network --device=br0 --bridgeslaves=link --bootproto=dhcp
rootpw --plaintext not-used
bootloader
{extra}
reboot
%addon edgelinux_zfs
pool = antlets
layout = mirror
disks = {disks}
{select}
%end
"""


@dataclass
class Live:
    """The live system and a root shell on its console."""

    vm: VirtualMachine
    shell: SerialShell

    def install(self, select: str = "", disks: int = 2, extra: str = "") -> tuple[int, str]:
        """Runs the installer; its exit status and what it said."""
        chosen = f"select = {select}" if select else ""
        self.shell.write("/run/test.ks", KICKSTART.format(select=chosen, disks=disks, extra=extra))
        result = self.shell.run("edgelinux-install --yes --kickstart /run/test.ks", seconds=180)
        return result.status, " ".join(result.output.split())


@pytest.fixture(scope="module")
def live(lab: Lab) -> Iterator[Live]:
    iso = lab.iso("default")
    wishes = Wishes("live", firmware="uefi", iso=iso, new_disks=DISKS)
    with lab.ledger.boot("live"):
        vm = lab.start(wishes, lab.accel(iso), allowed=[INSTALL_FAILED])
        try:
            vm.wait_for(r"edgelinux-install|root@\S+", 420, "the live system's shell")
            lab.note("live: power-on to the shell", vm.seconds)
        except BaseException:
            vm.kill()
            raise
    with vm, SerialShell(vm) as shell:
        yield Live(vm, shell)


@pytest.fixture(autouse=True)
def _clean_console(live: Live) -> Iterator[None]:
    yield
    live.vm.poll()


def written(disk: Disk) -> int:
    """How many bytes of a new qcow2 disk the guest has ever written."""
    argv = ["qemu-img", "map", "-U", "--output=json", str(disk.path)]
    extents = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return sum(extent["length"] for extent in extents if extent["data"])


def test_it_says_what_to_do(live: Live) -> None:
    said = "\n".join(line for _, line in live.vm.lines)
    assert "edgelinux-install" in said


def test_it_does_not_install_by_itself(live: Live) -> None:
    assert "edgelinux.install" not in live.shell.check("cat /proc/cmdline")
    assert live.shell.run("pgrep -f edgelinux[-_]install").status == 1


def test_it_has_no_failed_units(live: Live) -> None:
    state = live.shell.run("timeout 240 systemctl is-system-running --wait", seconds=300).output
    assert "running" in state.split(), live.shell.run("systemctl --failed --no-legend --plain").output


def test_no_disk_was_written_and_no_pool_imported(live: Live) -> None:
    assert [written(disk) for disk in live.vm.machine.disks] == [0, 0, 0, 0, 0]
    assert "antlets" not in live.shell.run("zpool list -H").output


def test_no_password_is_asked_for_over_ssh(live: Live) -> None:
    """A live system nobody has set up must not be open to the network."""
    assert live.shell.run("ss -Hltn 'sport = :22' | grep -q .").status != 0


def test_two_gib_are_enough(live: Live) -> None:
    available = int(live.shell.check("awk '/MemAvailable/ {print $2}' /proc/meminfo").split()[-1])
    assert available > 1024 * 1024


def test_check_says_what_would_be_done(live: Live) -> None:
    live.shell.write("/run/test.ks", KICKSTART.format(select="select = /dev/vd[ab]", disks=2, extra=""))
    said = live.shell.check("edgelinux-install --check --kickstart /run/test.ks")
    assert "/dev/vda" in said
    assert "blank" in said


BY_HAND = """\
# As somebody writes it who knows Anaconda
text
lang en_US.UTF-8 --addsupport=de_DE.UTF-8
keyboard --xlayouts='us'
timezone America/New_York --utc
eula --agreed
firstboot --disable
network --device=bond0 --bondslaves=link --bondopts=mode=active-backup --vlanid=100 --noipv6
rootpw --iscrypted $6$saltsalt$0123456789
user --name=somebody --groups=wheel
firewall --enabled --service=ssh,https --trust=bond0
selinux --disabled
bootloader --location=mbr --boot-drive=vda --timeout=5
zerombr
clearpart --all --initlabel
ignoredisk --only-use=vda,vdb
autopart --nohome --noswap
reboot
%packages
@^minimal-environment
%end
"""


def test_a_kickstart_written_by_hand(live: Live) -> None:
    live.shell.write("/run/hand.ks", BY_HAND)
    said = " ".join(live.shell.check("edgelinux-install --check --kickstart /run/hand.ks").split())
    assert "mirror: /dev/vda" in said
    assert "mirror: /dev/vdb" in said
    assert "vlan bond0.100, IPv4 dhcp, IPv6 disabled" in said
    assert "note: /run/hand.ks:17: autopart --nohome has no effect" in said


def test_the_hardware_can_be_recorded(live: Live) -> None:
    live.shell.check("edgelinux-install --hardware > /run/hardware.json")
    read = "import json; print(*(d['name'] for d in json.load(open('/run/hardware.json'))"
    names = live.shell.check(f"""python3 -c "{read}['disks']['lsblk']['blockdevices']))" """).split()
    assert {"vda", "vdb", "vdc", "vdd"} <= set(names)


@pytest.fixture(scope="class")
def precious(live: Live) -> None:
    live.shell.check("mkfs.ext4 -q -L precious /dev/vdd")


@pytest.mark.usefixtures("precious")
class TestRefusals:
    @pytest.fixture(autouse=True)
    def _blank_disks_stay_blank(self, live: Live) -> Iterator[None]:
        yield
        assert [written(disk) for disk in live.vm.machine.disks[:3]] == [0, 0, 0]
        assert "antlets" not in live.shell.run("zpool list -H").output

    def test_disk_missing(self, live: Live) -> None:
        status, said = live.install("/dev/disk/by-id/not-there, /dev/vda")
        assert status != 0
        assert "there is no disk /dev/disk/by-id/not-there" in said
        assert "INSTALLATION FAILED" in said

    def test_disk_too_small(self, live: Live) -> None:
        status, said = live.install("/dev/vda, /dev/vdc")
        assert status != 0
        assert "/dev/vdc cannot be taken: too small, 4.0 of 8 GiB" in said

    def test_disk_holds_data(self, live: Live) -> None:
        status, said = live.install("/dev/vda, /dev/vdd")
        assert status != 0
        assert "/dev/vdd holds data: ext4 precious" in said
        assert live.shell.check("blkid -s LABEL -o value /dev/vdd") == "precious"

    def test_disk_in_use(self, live: Live) -> None:
        live.shell.check("mkdir -p /run/data && mount /dev/vdd /run/data")
        try:
            status, said = live.install("/dev/vda, /dev/vdd", extra="clearpart --all")
            assert status != 0
            assert "/dev/vdd cannot be taken: mounted at /run/data" in said
        finally:
            live.shell.check("umount /run/data")

    def test_fewer_disks_than_asked_for(self, live: Live) -> None:
        status, said = live.install("/dev/vd[ab]", disks=3)
        assert status != 0
        assert "3 disk(s) are asked for and 2 can be taken" in said

    def test_more_disks_than_asked_for(self, live: Live) -> None:
        status, said = live.install("/dev/vd*")
        assert status != 0
        assert "2 disk(s) are asked for and 3 can be taken" in said

    def test_unknown_command(self, live: Live) -> None:
        status, said = live.install("/dev/vd[ab]", extra="volgroup data pv.1")
        assert status == 2
        assert "/run/test.ks:8" in said
        assert "volgroup" in said
        assert "supported are:" in said

    def test_missing_kickstart(self, live: Live) -> None:
        result = live.shell.run("edgelinux-install --kickstart /run/none.ks")
        assert result.status != 0
        assert "/run/none.ks" in result.output

    def test_corrupt_squashfs(self, live: Live) -> None:
        image = f"{MEDIUM}/live/edgelinux.squashfs"
        live.shell.check(f"head -c 4M {image} > /run/cut && mount --bind /run/cut {image}")
        try:
            status, said = live.install("/dev/vd[ab]")
            assert status != 0
            assert "is damaged" in said
            assert "no disk was touched" in said
        finally:
            live.shell.check(f"umount {image}; rm /run/cut")

    def test_selinux_on_a_base_without_it(self, live: Live) -> None:
        status, said = live.install("/dev/vd[ab]", extra="selinux --enforcing")
        assert status == 2
        assert "/run/test.ks:8: selinux --enforcing: " in said
        assert "has no SELinux" in said

    def test_existing_pool(self, live: Live) -> None:
        """Last of all: the pool takes the place of the file system that the others need."""
        live.shell.check("modprobe zfs && zpool create -f antlets /dev/vdd")
        guid = live.shell.check("zpool get -H -o value guid antlets").split()[-1]
        live.shell.check("zpool export antlets && udevadm settle")
        status, said = live.install("/dev/vda, /dev/vdd")
        assert status == 2
        assert f"/dev/vdd belongs to an existing pool antlets (GUID {guid})" in said
        assert "erases it with every antlet in it" in said


def test_the_forms_up_to_the_summary_on_the_serial_line(live: Live) -> None:
    """A dry run: each screen answered as a person would, nothing installed."""
    live.shell.run("udevadm settle")
    with live.shell.forms("edgelinux-install --interactive --check; echo forms-ended-$?") as forms:
        forms.wait_for("dry run", 120)
        disks = ("/dev/vda", "/dev/vdb")
        summary = fill_in(forms, disks=disks, hostname="edge-typed", key=f"ssh-ed25519 {KEY} me@desk")
        assert "Host:      edge-typed" in summary
        assert "Europe/Berlin" in summary
        assert "ERASED: /dev/vda  12.0 GiB" in summary
        assert forms.raw.isascii()
        forms.go_to("Type erase to install")
        forms.type("wrong")
        forms.choose("Check only: leave")
        forms.wait_for("nothing is done until the word erase stands here", 60)
        forms.type("ctrl c")
        forms.wait_for("Nothing on this machine's disks has been changed", 60)
        forms.choose("Leave")
        forms.wait_for("forms-ended-0", 60)
    assert [written(disk) for disk in live.vm.machine.disks[:3]] == [0, 0, 0]


def test_the_medium_is_whole(live: Live) -> None:
    result = live.shell.run("edgelinux-install --check-medium", seconds=300)
    assert "MEDIUM OK: EDGELINUX_" in result.output
    assert "3 boot images are as they were made" in result.output
    assert result.status == 0


def test_a_damaged_medium_is_told(live: Live) -> None:
    file = f"{MEDIUM}/boot/vmlinuz"
    live.shell.check(f"head -c 1M {file} > /run/cut && mount --bind /run/cut {file}")
    try:
        result = live.shell.run("edgelinux-install --check-medium", seconds=300)
        assert "MEDIUM DAMAGED: boot/vmlinuz is damaged" in result.output
        assert result.status == 1
    finally:
        live.shell.check(f"umount {file}; rm /run/cut")


class TestRemoval:
    """Last of all: begins an installation, which writes to the disks."""

    def test_a_disk_that_is_pulled_out_stops_the_installation(self, live: Live) -> None:
        kickstart = KICKSTART.format(select="select = /dev/vda, /dev/sda", disks=2, extra="")
        live.shell.write("/run/test.ks", kickstart)
        live.shell.start("edgelinux-install --yes --kickstart /run/test.ks", "Writing the system: 10%")
        live.vm.qmp("device_del", id=PULLED)
        said = " ".join(live.shell.expect("does not restart by itself", 240).split())
        assert "INSTALLATION FAILED: disk /dev/sda" in said
        assert "disappeared while writing the system" in said

    def test_the_pool_is_closed_and_the_other_disk_does_not_boot(self, live: Live) -> None:
        assert "antlets" not in live.shell.run("zpool list -H", seconds=180).output
        assert live.shell.run("cmp -n 440 /dev/vda /dev/zero").status == 0
        live.shell.check("mkdir -p /run/esp && mount -o ro /dev/vda2 /run/esp")
        names = live.shell.check("find /run/esp -type f; umount /run/esp")
        assert "BOOTX64" not in names.upper()
        assert "grub.cfg" not in names
