#!/bin/sh
# Have NetworkManager bring the network up as ip=, BOOTIF= and so on say (dracut.cmdline(7)).
# dracut's hooks do this, too, in several times the time; its units for NetworkManager are used as they are.

set -eu

# NetworkManager is done at once where there is no card yet; one that comes later is taken all the same. Waiting
# for udev to settle, with every other device, takes several times as long.
for _ in $(seq 60); do
    set -- /sys/class/net/*/device
    [ ! -e "$1" ] || break
    sleep 0.5
done

read -r cmdline < /proc/cmdline
for generator in /usr/libexec/nm-initrd-generator /usr/lib/nm-initrd-generator; do
    [ -x "$generator" ] || continue
    # shellcheck disable=SC2086  # words
    "$generator" -- $cmdline rd.neednet=1
    mkdir -p /run/NetworkManager/initrd
    # Without it nm-initrd.service does not start.
    : > /run/NetworkManager/initrd/neednet
    exit 0
done
echo 'NetworkManager has no nm-initrd-generator in this initramfs' >&2
exit 1
