#!/bin/bash
# Refuse a CPU below the level that the system is built for, before anything of it runs. See README.md beside this.

# The variables and functions used here are dracut's.
# shellcheck disable=SC2154

program=/usr/lib/edgelinux/edgelinux-cpu
level=/usr/lib/edgelinux/cpu-level

check() {
    # Only when asked for.
    return 255
}

# After systemd-initrd and base, one of which makes /init: modules run in the order of their names.
install() {
    if [ ! -x "$program" ] || [ ! -s "$level" ] || [ ! -e "$initdir/init" ]; then
        dfatal "edgelinux-cpu: $program, $level or the image's /init is missing"
        exit 1
    fi
    mv "$initdir/init" "$initdir/init.system"
    # Not inst_simple: that would look for the libraries of a program that has none.
    cp "$program" "$initdir/init"
    inst_simple "$level" /etc/edgelinux-cpu-level
}
