"""How long installing and booting take in a guest: the installer against bare commands on the same disks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from edgelinux_build.qemu import media, session
from edgelinux_build.qemu.install import wait_for_installer, wait_until_up
from edgelinux_build.qemu.runner import VirtualMachine

from tests.base import build_argv
from tests.bench.report import Figure, Report
from tests.e2e.lab import ROOT, Lab
from tests.e2e.serial import SerialShell

__all__ = ["build_iso", "measure_guest"]

DISKS = ("/dev/vda", "/dev/vdb")

# What an installation is made of, by hand. Each step prints its name and how long it took.
BARE = r"""
set -eu
image=/run/initramfs/live/live/edgelinux.squashfs
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" /usr/lib/edgelinux/image.json | head -n 1; }
step() { local name=$1 start end; shift; start=$(date +%s%N); "$@"; end=$(date +%s%N)
         echo "bare $name $(( (end - start) / 1000000 ))"; }

partitions() {
    local disk
    for disk in @DISKS@; do
        {
            echo "label: gpt"
            echo "size=1MiB, type=21686148-6449-6E6F-744E-656564454649"
            echo "size=1GiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
            echo "type=6A898CC3-1DD2-11B2-99A6-080020736631"
        } | sfdisk --quiet --lock=yes --wipe=always --wipe-partitions=always "$disk"
    done
    udevadm settle
}
format_esps() { local disk; for disk in @DISKS@; do mkfs.vfat -F 32 "${disk}2" > /dev/null; done; }
pool() {
    modprobe zfs
    zpool create -f -R /run/bare -o cachefile=none -o ashift=12 -o compatibility=openzfs-2.2-linux \
        -O compression=lz4 -O acltype=posixacl -O xattr=sa -O atime=off -O canmount=off -O mountpoint=none \
        bare mirror /dev/vda3 /dev/vdb3
    zfs create -o canmount=noauto -o mountpoint=/ bare/root
    zfs mount bare/root
}
tree() { unsquashfs -f -n -q -d /run/bare "$image"; }
esps() {
    local disk kernel initramfs
    kernel=$(field kernel_path); initramfs=$(field initramfs_path)
    mkdir -p /run/esp
    for disk in @DISKS@; do
        mount "${disk}2" /run/esp
        mkdir -p /run/esp/EFI/BOOT
        cp "/run/bare$kernel" /run/esp/vmlinuz
        cp "/run/bare$initramfs" /run/esp/initramfs.img
        cp "$(field shim)" /run/esp/EFI/BOOT/BOOTX64.EFI
        cp "$(field grub_efi)" /run/esp/EFI/BOOT/grubx64.efi
        grub-install --target=i386-pc --boot-directory=/run/esp "$disk" 2> /dev/null
        umount /run/esp
    done
}
templates() {
    local from name into
    zfs create -o mountpoint=/TEMPLATES bare/TEMPLATES
    for from in /run/initramfs/live/templates/*/; do
        name=$(basename "$from") into=/run/bare/TEMPLATES/$(basename "$from")
        if [ -e "$from/root.tar.zst" ]; then
            zfs create "bare/TEMPLATES/$name"
            mkdir "$into/rootfs"
            zstd -dc "$from/root.tar.zst" | tar -x -p --numeric-owner --xattrs --xattrs-include='*' --acls \
                -C "$into/rootfs" -f -
        else
            zfs create -o recordsize=64K "bare/TEMPLATES/$name"
            mkdir "$into/disks"
            zstd -q -d "$from/disk.raw.zst" -o "$into/disks/disk0.raw"
        fi
        cp "$from/template.yaml" "$from/antlet.xml.j2" "$into/"
        zfs snapshot "bare/TEMPLATES/$name@1"
        zfs umount "bare/TEMPLATES/$name"
    done
    zfs umount bare/TEMPLATES
}
close_pool() { zfs umount bare/root; zpool export bare; sync; }

sync; echo 3 > /proc/sys/vm/drop_caches
step sfdisk partitions
step mkfs.vfat format_esps
step zpool-create pool
step unsquashfs tree
step ESPs esps
step templates templates
step export close_pool
"""

BLANK = r"""
set -eu
for disk in @DISKS@; do
    zpool labelclear -f "${disk}3" || true
    wipefs --all --quiet "${disk}3" "${disk}2" "$disk"
    blkdiscard "$disk"
done
udevadm settle
sync; echo 3 > /proc/sys/vm/drop_caches
"""

KICKSTART = """\
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
network --hostname=measured
network --device=br0 --bridgeslaves=link --bootproto=dhcp
rootpw --lock
sshkey --username=root "{key}"
bootloader --append="console=ttyS0,115200"
reboot
%addon edgelinux_zfs
pool = antlets
layout = mirror
disks = 2
select = /dev/vd[ab]
%end
"""


def _filled(script: str) -> str:
    return script.replace("@DISKS@", " ".join(DISKS))


def _bare(shell: SerialShell) -> dict[str, float]:
    output = shell.check(_filled(BARE), seconds=900)
    return {name: int(ms) / 1000 for name, ms in re.findall(r"bare (\S+) (\d+)", output)}


def _boot_seconds(host: Any) -> dict[str, float]:
    """Seconds in kernel, initramfs and user space up to multi-user.target, by systemd's own clock.

    org.freedesktop.systemd1(5): microseconds since the kernel started.
    """
    host.run("timeout 300 systemctl is-system-running --wait")

    def stamp(what: str) -> float:
        return int(host.check_output(f"systemctl show --value --property={what}")) / 1e6

    initramfs, userspace = stamp("InitRDTimestampMonotonic"), stamp("UserspaceTimestampMonotonic")
    reached = stamp("ActiveEnterTimestampMonotonic multi-user.target")
    return {"kernel": initramfs, "initramfs": userspace - initramfs, "user space": reached - userspace}


def build_iso(out: Path, site: Path | None = None) -> Path:
    argv = build_argv("--out", out)
    if site is not None:
        argv += ["--site", str(site)]
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return next(out.glob("*.iso"))


def _install_and_boot(report: Report, lab: Lab, iso: Path) -> None:
    wishes = session.Wishes("bench", iso=iso, new_disks=("12G", "12G"))
    with lab.start(wishes, lab.accel(iso)) as vm:
        vm.wait_for(r"edgelinux-install|root@\S+", 420, "the live system's shell")
        report.add(Figure("power-on to a live shell", vm.seconds, "s"))
        with SerialShell(vm) as shell:
            # Twice, and the better one counts: the first also reads the programs from the medium.
            runs = []
            for _ in range(2):
                runs.append(_bare(shell))
                shell.check(_filled(BLANK))
            bare = min(runs, key=lambda seconds: sum(seconds.values()))
            shell.write("/run/bench.ks", KICKSTART.format(key=lab.public_key))
            shell.start("edgelinux-install --yes --kickstart /run/bench.ks", "edgeLinux installer")
        took = _installer_seconds(vm)
        report.add(Figure("installing", took, "s", 1.15, sum(bare.values()), {}, bare))
        rebooted = vm.seconds
        wait_until_up(vm)
        report.add(Figure("reboot to a log-in prompt and SSH", vm.seconds - rebooted, "s"))
        host = lab.ssh(vm)
        parts = _boot_seconds(host)
        total = sum(parts.values())
        report.add(Figure("installed boot to multi-user.target", total, "s", 45, None, parts))


def _installer_seconds(vm: VirtualMachine) -> float:
    match = vm.wait_for(r"Installation complete after (\d+) seconds", 900, "the end of the installation")
    return float(match[1])


def measure_guest(report: Report, scratch: Path, artefacts: Path) -> None:
    """Boots twice: live, with both installations and the reboot into the second; and up to the installer."""
    lab = Lab(artefacts, scratch / "lab")
    _install_and_boot(report, lab, build_iso(scratch / "default"))
    site = scratch / "unattended.site.yaml"
    site.write_text(f'unattended: true\nroot:\n  ssh_keys: ["{lab.public_key}"]\n')
    iso = build_iso(scratch / "unattended", site)
    facts = media.read_iso(iso, scratch / "facts")
    wishes = session.Wishes("bench-live", iso=iso, new_disks=("12G", "12G"))
    with lab.start(wishes, lab.accel(iso)) as vm:
        report.add(Figure("live boot to installer start", wait_for_installer(vm, facts), "s", 45))
        vm.wait_for("edgeLinux installer: kickstart", 120, "the kickstart")
        report.add(Figure("live boot to a kickstart read", vm.seconds, "s"))
