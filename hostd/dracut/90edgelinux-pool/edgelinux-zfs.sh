#!/bin/sh
# Load the kernel modules of ZFS with what this host wants of them.

# shellcheck source=hostd/dracut/90edgelinux-pool/pool-lib.sh
. "${EDGELINUX_LIB:-/usr/lib/edgelinux}/pool-lib.sh"

# An initramfs that serves every host holds no /etc/hostid: the host's own is a kernel argument. spl does
# not read it by itself.
hostid=$(kernel_arg spl_hostid) || hostid=
modprobe spl ${hostid:+"spl_hostid=$hostid"} || fail "the kernel module spl does not load"
arc=
if ! kernel_arg zfs.zfs_arc_max > /dev/null; then
    while read -r key kib _; do
        [ "$key" = MemTotal: ] && arc=$(arc_max "$kib") && break
    done < /proc/meminfo
fi
modprobe zfs ${arc:+"zfs_arc_max=$arc"} || fail "the kernel module zfs does not load"
