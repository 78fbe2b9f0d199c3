#!/bin/bash
# Boot an edgeLinux host: find its pool by GUID, import that pool and no other, mount its boot environment.
# See README.md beside this file.

# The variables and functions used here are dracut's.
# shellcheck disable=SC2154

check() {
    require_binaries zpool zfs mount.zfs modprobe udevadm setsid || return 1
    # Only when asked for: a live system imports nothing.
    return 255
}

depends() {
    echo systemd-initrd dracut-systemd kernel-modules rootfs-block
}

installkernel() {
    # -c: without these there is nothing to boot. Never host-only: one initramfs serves every host.
    hostonly='' instmods -c spl zfs
    # What 90kernel-modules finds by the symbols it uses is what is wanted here too; these are named so that a
    # change of its heuristics cannot lose a controller that hosts boot from.
    hostonly='' instmods \
        ahci ata_piix nvme vmd \
        virtio_pci virtio_blk virtio_scsi \
        usb-storage uas xhci-pci ehci-pci \
        mpt3sas megaraid_sas aacraid hpsa smartpqi mpi3mr isci mvsas \
        sd_mod sdhci-pci mmc_block \
        vmw_pvscsi xen-blkfront hv_storvsc
}

missing() {
    dfatal "edgelinux-pool: what finds the pool cannot be put into the initramfs"
    exit 1
}

install() {
    inst_multiple zpool zfs mount.zfs modprobe udevadm mkdir ln cat rm sleep sync setsid bash || missing
    # glibc loads it when the zpool command cancels a thread; nothing links to it.
    inst_libdir_file 'libgcc_s.so.1' || missing

    inst_hook cmdline 95 "$moddir/parse-edgelinux-pool.sh"
    inst_simple "$moddir/pool-lib.sh" /usr/lib/edgelinux/pool-lib.sh
    inst_script "$moddir/edgelinux-pool-generator.sh" "$systemdutildir/system-generators/edgelinux-pool-generator"
    inst_script "$moddir/edgelinux-zfs.sh" /usr/lib/edgelinux/edgelinux-zfs
    inst_simple "$moddir/edgelinux-zfs.service" "$systemdsystemunitdir/edgelinux-zfs.service"
    inst_script "$moddir/edgelinux-pool.sh" /usr/lib/edgelinux/edgelinux-pool
    inst_simple "$moddir/edgelinux-pool.service" "$systemdsystemunitdir/edgelinux-pool.service"

    inst_script "$moddir/edgelinux-emergency.sh" /usr/lib/edgelinux/edgelinux-emergency
    inst_simple "$moddir/emergency.conf" "$systemdsystemunitdir/emergency.service.d/edgelinux.conf"
}
