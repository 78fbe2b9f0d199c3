#!/bin/sh
# Units that mount the live medium, and its squashfs: the medium with the label in root=live:CDLABEL=LABEL, or
# what is fetched from the web server in edgelinux.medium=URL.
# Arguments: three directories for units (systemd.generator(7)); the second overrides /etc.

set -eu

label='' network='' folder=LiveOS image=squashfs.img overlay=no

read -r cmdline < /proc/cmdline
for argument in $cmdline; do
    case $argument in
        root=live:CDLABEL=*) label=${argument#root=live:CDLABEL=} ;;
        edgelinux.medium=http://?* | edgelinux.medium=https://?*) network=yes ;;
        rd.live.dir=*) folder=${argument#rd.live.dir=} ;;
        rd.live.squashimg=*) image=${argument#rd.live.squashimg=} ;;
        rd.live.overlay.overlayfs | rd.live.overlay.overlayfs=1) overlay=yes ;;
        # All of these are handled by dracut's hooks alone.
        rd.break | rd.break=* | rd.live.ram* | rd.live.check* | rd.live.overlay=* | live.updates=*) exit 0 ;;
    esac
done
# udev escapes other characters in the names of links; our labels have none.
case $network$label in
    '' | *[!A-Za-z0-9_.-]*) exit 0 ;;
esac
[ "$overlay" = yes ] || exit 0

# The hooks' services, masked, and what sysroot.mount waits for.
cp -dR /usr/lib/edgelinux/medium-units/. "$2"

if [ "$network" ]; then
    # These bring the network up and fill /run/initramfs/live. sysroot.mount is that of dracut's livenet.
    cp -dR /usr/lib/edgelinux/netmedium-units/. "$2"
    mkdir -p "$2/initrd-root-fs.target.requires"
    ln -sf ../sysroot.mount "$2/initrd-root-fs.target.requires/sysroot.mount"
    folder=live image=edgelinux.squashfs
    needs='Requires=edgelinux-netmedium.service
After=edgelinux-netmedium.service'
else
    printf '%s\n' '[Unit]' "Description=Live medium $label" DefaultDependencies=no \
        '[Mount]' "What=/dev/disk/by-label/$label" Where=/run/initramfs/live Options=ro \
        > "$2/run-initramfs-live.mount"
    needs=RequiresMountsFor=/run/initramfs/live
fi

printf '%s\n' '[Unit]' 'Description=System on the live medium' DefaultDependencies=no "$needs" \
    '[Mount]' "What=/run/initramfs/live/${folder#/}/$image" Where=/run/rootfsbase Type=squashfs Options=ro,loop \
    > "$2/run-rootfsbase.mount"
