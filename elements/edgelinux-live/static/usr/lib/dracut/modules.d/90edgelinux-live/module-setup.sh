#!/bin/bash
# Mount a live medium, of this machine or fetched from a web server, with units alone.
# dib-lint: disable=dibdebugtrace sete setu setpipefail
#
# dracut's own way to the same mounts (dmsquash-live, livenet) is a chain of shell hooks, which takes several times
# as long on a slow machine. It stays in charge of everything else: other kinds of root=, and debugging
# with rd.break.

check() {
    # Only when asked for.
    return 255
}

depends() {
    echo dmsquash-live livenet network-manager systemd-initrd systemd-tmpfiles
}

# dracut's variables and functions
# shellcheck disable=SC2154
install() {
    inst_script "$moddir/edgelinux-medium-generator.sh" \
        "$systemdutildir/system-generators/edgelinux-medium-generator"
    inst_simple "$moddir/edgelinux-medium.conf" "$tmpfilesdir/edgelinux-medium.conf"
    inst_multiple cp mount umount mkdir ln
    mkdir -p "$initdir/usr/lib/edgelinux"
    cp -dR "$moddir/units" "$initdir/usr/lib/edgelinux/medium-units"

    # From the network: url-lib, which livenet needs, brings curl with what it checks certificates by.
    inst_multiple curl sha512sum sha256sum base64 sed head tail tr cut stat mktemp mountpoint sleep cat mv rm seq \
        setsid journalctl ip nmcli
    inst_simple "$moddir/netmedium-lib.sh" /usr/lib/edgelinux/netmedium-lib.sh
    inst_script "$moddir/netmedium.sh" /usr/lib/edgelinux/netmedium
    inst_script "$moddir/netmedium-network.sh" /usr/lib/edgelinux/netmedium-network
    inst_script "$moddir/netmedium-emergency.sh" /usr/lib/edgelinux/netmedium-emergency
    cp -dR "$moddir/netmedium-units" "$initdir/usr/lib/edgelinux/netmedium-units"
}
