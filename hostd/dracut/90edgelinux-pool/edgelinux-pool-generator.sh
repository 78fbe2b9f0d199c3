#!/bin/sh
# systemd.generator(7): turn root=zfs:POOL/DATASET into sysroot.mount.
#
# It goes to the directory for early units ($2), which overrides the sysroot.mount that systemd-fstab-generator
# makes of the same argument in the normal one ($1), for a file system type it does not know.

# shellcheck source=hostd/dracut/90edgelinux-pool/pool-lib.sh
. "${EDGELINUX_LIB:-/usr/lib/edgelinux}/pool-lib.sh"

early=${2:?usage: edgelinux-pool-generator NORMAL EARLY LATE}
dataset=$(root_dataset) || exit 0

mkdir -p "$early/initrd-root-fs.target.requires"
cat > "$early/sysroot.mount" << EOF
[Unit]
Description=Boot environment $dataset
SourcePath=/proc/cmdline
Requires=edgelinux-pool.service
After=edgelinux-pool.service
Before=initrd-root-fs.target

[Mount]
Where=/sysroot
What=$dataset
Type=zfs
Options=zfsutil
EOF
ln -sf ../sysroot.mount "$early/initrd-root-fs.target.requires/sysroot.mount"
