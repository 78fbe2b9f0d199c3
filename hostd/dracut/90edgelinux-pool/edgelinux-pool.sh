#!/bin/sh
# Import the pool with the GUID in edgelinux.pool=, and no other, without mounting anything.
#
# ONLINE: at once. DEGRADED: 10 s after it was first seen, for a disk that is slow to come. Not there: an error
# after 90 s, and with it emergency.target. The modules are loaded by edgelinux-zfs.service.

# shellcheck source=hostd/dracut/90edgelinux-pool/pool-lib.sh
. "${EDGELINUX_LIB:-/usr/lib/edgelinux}/pool-lib.sh"

degraded_wait=${EDGELINUX_DEGRADED_WAIT:-10}
give_up_after=${EDGELINUX_GIVE_UP_AFTER:-90}
partuuids=${EDGELINUX_PARTUUIDS:-/dev/disk/by-partuuid}

# Look for the pool in these directories; sets `found` (what zpool says), `state` and `dirs`.
look() {
    dirs=$*
    found=$(zpool import "$@" 2>&1)
    state=$(printf '%s\n' "$found" | pool_state "$guid")
}

# Partition GUIDs name every partition for good, on every kind of disk. All of /dev is asked only when that is
# not enough, as with two disks whose partition tables were copied with their GUIDs: it opens every device.
scan() {
    if [ -d "$partuuids" ]; then
        look -d "$partuuids"
        [ "$state" = ONLINE ] || look -d "$partuuids" -d /dev
    else
        look -d /dev
    fi
}

import() {
    case "$dirs" in
        # What has no name for good yet may be about to get one.
        *" /dev") udevadm settle --timeout=10 ;;
    esac
    # -f: the pool may have been used by a rescue system that did not export it. The GUID says that it is ours.
    # The name is the one in root=, whatever it was called elsewhere.
    # shellcheck disable=SC2086  # a list of options
    if error=$(zpool import -N -f -o cachefile=none $dirs "$guid" "$pool" 2>&1); then
        say 5 "imported pool $pool ($guid), $state"
        exit 0
    fi
    say 4 "pool $pool ($guid) is $state, but: $error"
}

guid=$(kernel_arg edgelinux.pool) || fail "edgelinux.pool= is missing on the kernel command line"
case "$guid" in
    '' | *[!0-9]*) fail "edgelinux.pool=$guid is not the GUID of a pool" ;;
esac
dataset=$(root_dataset) || fail "root= on the kernel command line is not root=zfs:POOL/DATASET"
pool=${dataset%%/*}

started=$(uptime_seconds)
degraded_since=
tries=0

# udev names file systems by their UUID, and the UUID of a pool's member is the pool's GUID. When the first member
# is there, the others mostly are too; if not, looks are dear while udev is busy with all the devices of a host.
udevadm settle --timeout=10 --exit-if-exists="/dev/disk/by-uuid/$guid"
state=
[ ! -d "$partuuids" ] || look -d "$partuuids"
if [ "$state" != ONLINE ]; then
    udevadm settle --timeout=10
    scan
fi

while :; do
    now=$(uptime_seconds)
    case "$state" in
        ONLINE)
            import
            tries=$((tries + 1))
            ;;
        DEGRADED)
            if [ -z "$degraded_since" ]; then
                degraded_since=$now
                say 4 "a disk of pool $pool is missing; waiting $degraded_wait s for it"
            fi
            if [ $((now - degraded_since)) -ge "$degraded_wait" ]; then
                import
                tries=$((tries + 1))
            fi
            ;;
    esac
    # A pool that was first seen just before the end still gets its turn.
    if [ $((now - started)) -ge "$give_up_after" ] && { [ "$tries" -gt 0 ] || [ "$state" != DEGRADED ]; }; then
        break
    fi
    sleep 1
    scan
done

printf '%s\n' "$found"
case "$state" in
    "") problem="was not found" ;;
    *) problem="is $state and cannot be imported" ;;
esac
fail "pool $pool with GUID $guid $problem after $((now - started)) s"
