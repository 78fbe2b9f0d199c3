#!/bin/bash
# Booting has failed. Tell every console why, give a person a minute to press a key for a shell, else reboot:
# the cause may pass (a disk that was slow), and the boot loader may have another boot environment to try.
# rd.shell=0 leaves no minute and no shell; edgelinux.emergency=halt stops here instead of rebooting.

# shellcheck source=hostd/dracut/90edgelinux-pool/pool-lib.sh
. "${EDGELINUX_LIB:-/usr/lib/edgelinux}/pool-lib.sh"

seconds=60
pressed=${EDGELINUX_PRESSED:-/run/edgelinux-emergency}
consoles=${EDGELINUX_CONSOLES:-/proc/consoles}
ttys=()
while read -r tty _; do
    [ -c "/dev/$tty" ] && ttys+=("/dev/$tty")
done < "$consoles"
[ ${#ttys[@]} -gt 0 ] || ttys=(/dev/console)

tell() {
    local tty
    for tty in "${ttys[@]}"; do
        # A console that takes nothing must not keep the others from it.
        printf '%s\r\n' "$@" 2> /dev/null > "$tty"
    done
}

reasons() {
    journalctl --boot --no-pager --quiet --output=cat --priority=err --lines=8 2> /dev/null
}

shell_on() {
    rm -f "$pressed"
    printf '%s\r\n' "journalctl shows what happened; exit tries to boot again; reboot restarts." > "$1"
    # Not sulogin: an initramfs that serves every host holds no password to ask for, and refuses for that. Who is
    # at the console can edit the boot menu as well.
    # setsid, so that ^C and job control work on whichever console it is. When the shell ends,
    # emergency.service tries to boot once more.
    # shellcheck disable=SC2094  # a terminal
    PS1='initramfs:\w# ' setsid --ctty --wait bash --norc -i < "$1" > "$1" 2>&1
    exit 0
}

[ "$(kernel_arg rd.shell)" = 0 ] && seconds=0
action="reboots"
[ "$(kernel_arg edgelinux.emergency)" = halt ] && action="halts"

mapfile -t why < <(reasons)
tell "" "edgeLinux: this host cannot boot." "${why[@]/#/    }" "" \
    "edgeLinux: it $action in $seconds s. Press any key for a shell."

rm -f "$pressed"
readers=()
if [ "$seconds" -gt 0 ]; then
    for tty in "${ttys[@]}"; do
        (read -r -s -n 1 -t "$seconds" < "$tty" && printf '%s\n' "$tty" > "$pressed") 2> /dev/null &
        readers+=($!)
    done
fi
for ((left = seconds; left > 0; left--)); do
    if [ -s "$pressed" ]; then
        read -r tty < "$pressed"
        kill "${readers[@]}" 2> /dev/null
        shell_on "$tty"
    fi
    sleep 1
done

tell "edgeLinux: this host now $action."
sync
if [ "$action" = halts ]; then
    exec systemctl halt --force
fi
systemctl reboot --force
sleep 30
# Still here: systemd is stuck. Twice means without it.
exec systemctl reboot --force --force
