#!/bin/sh
# What generator, cmdline hook, import and emergency scripts share. Sourced, by dash and by bash.

# The unit tests set these; on a host they are unset.
: "${EDGELINUX_CMDLINE:=/proc/cmdline}" "${EDGELINUX_KMSG:=/dev/kmsg}"

# Print the value of a kernel argument, the last one if it is given twice. Fails if it is not given.
kernel_arg() {
    kernel_arg_words=
    read -r kernel_arg_words < "$EDGELINUX_CMDLINE" || [ -n "$kernel_arg_words" ] || return 1
    kernel_arg_found=
    kernel_arg_value=
    set -f
    for kernel_arg_word in $kernel_arg_words; do
        case "$kernel_arg_word" in
            "$1="*)
                kernel_arg_found=yes
                kernel_arg_value=${kernel_arg_word#*=}
                ;;
        esac
    done
    set +f
    [ -n "$kernel_arg_found" ] && printf '%s\n' "$kernel_arg_value"
}

# Print the dataset of root=zfs:DATASET. Fails for any other root, and for a name that ZFS would not accept.
root_dataset() {
    root_dataset_arg=$(kernel_arg root) || return 1
    case "$root_dataset_arg" in
        zfs:*/*) ;;
        *) return 1 ;;
    esac
    case "${root_dataset_arg#zfs:}" in
        *[!A-Za-z0-9_.:/-]*) return 1 ;;
    esac
    printf '%s\n' "${root_dataset_arg#zfs:}"
}

# Tell every console (kernel log level $1: 3 error, 4 warning, 5 notice) and the journal, which reads it there.
say() {
    printf '<%s>edgelinux: %s\n' "$1" "$2" >> "$EDGELINUX_KMSG"
}

# End a script because of which this host does not boot.
fail() {
    say 3 "cannot boot: $1"
    exit 1
}

# Seconds since the kernel started.
uptime_seconds() {
    read -r uptime_words < /proc/uptime
    printf '%s\n' "${uptime_words%%.*}"
}

# Print the state of the pool with GUID $1, from what `zpool import` lists on standard input; nothing if absent.
# GUIDs differ where names do not: another pool of the same name has another id.
pool_state() {
    pool_state_id=
    while read -r pool_state_key pool_state_value _; do
        case "$pool_state_key" in
            pool:) pool_state_id= ;;
            id:) pool_state_id=$pool_state_value ;;
            state:)
                if [ "$pool_state_id" = "$1" ]; then
                    printf '%s\n' "$pool_state_value"
                    return 0
                fi
                ;;
        esac
    done
}

# Print zfs_arc_max in bytes for MemTotal in KiB: an eighth, at least 64 MiB, at most 16 GiB.
arc_max() {
    arc_max_bytes=$(($1 * 1024 / 8))
    [ "$arc_max_bytes" -ge 67108864 ] || arc_max_bytes=67108864
    [ "$arc_max_bytes" -le 17179869184 ] || arc_max_bytes=17179869184
    printf '%s\n' "$arc_max_bytes"
}
