#!/bin/bash
# Mount a live medium of this machine with units alone.
# dib-lint: disable=dibdebugtrace sete setu setpipefail
#
# dracut's own way to the same mounts (dmsquash-live) is a chain of shell hooks, which takes several times
# as long on a slow machine. It stays in charge of everything else: other kinds of root=, the network,
# and debugging with rd.break.

check() {
    # Only when asked for.
    return 255
}

depends() {
    echo dmsquash-live systemd-initrd systemd-tmpfiles
}

# dracut's variables and functions
# shellcheck disable=SC2154
install() {
    inst_script "$moddir/edgelinux-medium-generator.sh" \
        "$systemdutildir/system-generators/edgelinux-medium-generator"
    inst_simple "$moddir/edgelinux-medium.conf" "$tmpfilesdir/edgelinux-medium.conf"
    inst_multiple cp mount umount
    mkdir -p "$initdir/usr/lib/edgelinux"
    cp -dR "$moddir/units" "$initdir/usr/lib/edgelinux/medium-units"
}
