#!/bin/sh
# The live system cannot start. Tell every console why and offer a shell there. Nothing is restarted: who stands
# at the machine shall be able to read it, and a server that is down is not helped by machines that start for ever.

# shellcheck source=elements/edgelinux-live/static/usr/lib/dracut/modules.d/90edgelinux-live/netmedium-lib.sh
. "${EDGELINUX_LIB:-/usr/lib/edgelinux}/netmedium-lib.sh"

consoles=${EDGELINUX_CONSOLES:-/proc/consoles}

text() {
    printf '\nedgeLinux: the live system did not start. No disk of this machine was touched.\n'
    journalctl --boot --no-pager --quiet --output=cat --priority=err --lines=6 2> /dev/null | sed 's/^/    /'
    printf 'Booted from %s\n' "$(kernel_arg edgelinux.medium)"
    printf 'Once that is mended, restart the machine. Or press Enter for a shell here:\n'
    printf '"ip address" and "journalctl" show more, "exit" fetches what is missing, "reboot" restarts.\n'
}

said=$(text)
# A console that takes nothing must not keep the others from it, so each has a process.
while read -r tty _; do
    [ -c "/dev/$tty" ] || continue
    (
        printf '%s\n' "$said" > "/dev/$tty"
        read -r _ < "/dev/$tty" || exit 1
        # Not sulogin: there is no password to ask for. setsid, so that ^C works on whichever console it is.
        # shellcheck disable=SC2094  # a terminal
        PS1='initramfs:\w# ' setsid --ctty --wait sh -i < "/dev/$tty" > "/dev/$tty" 2>&1
        # The first one that leaves its shell has the unit start again: that ends the others.
        kill $$
    ) 2> /dev/null &
done < "$consoles"
wait
