#!/bin/sh
# What the scripts for a medium on the network share. Sourced, by dash and by bash.

# The unit tests set these; in the initramfs they are unset.
: "${EDGELINUX_CMDLINE:=/proc/cmdline}" "${EDGELINUX_KMSG:=/dev/kmsg}"

# Print the value of a kernel argument, the last one if it is given twice; nothing if it is not given.
kernel_arg() {
    kernel_arg_words='' kernel_arg_value=''
    read -r kernel_arg_words < "$EDGELINUX_CMDLINE" || [ -n "$kernel_arg_words" ] || return 0
    set -f
    for kernel_arg_word in $kernel_arg_words; do
        case $kernel_arg_word in
            "$1="*) kernel_arg_value=${kernel_arg_word#*=} ;;
        esac
    done
    set +f
    printf '%s\n' "$kernel_arg_value"
}

# Tell every console (kernel log level $1: 3 error, 4 warning, 5 notice) and the journal, which reads it there.
say() {
    printf '<%s>edgelinux: %s\n' "$1" "$2" >> "$EDGELINUX_KMSG"
}

# Seconds since the kernel started.
uptime_seconds() {
    read -r uptime_words < /proc/uptime
    printf '%s\n' "${uptime_words%%.*}"
}

# The size of file $1 in bytes, 0 if it is not there.
size_of() {
    stat -c %s "$1" 2> /dev/null || echo 0
}

# $1 bytes in MiB, rounded up.
mib() {
    printf '%s\n' $((($1 + 1048575) / 1048576))
}

# Say how far file $1 of $2 bytes (0 if that is not known) is, at each tenth and else twice a minute, until killed.
follow() {
    follow_tenth=0 follow_said=0
    while sleep 1; do
        follow_said=$((follow_said + 1))
        follow_size=$(size_of "$1")
        follow_now=$(($2 > 0 ? follow_size * 10 / $2 : 0))
        if [ "$follow_now" -gt "$follow_tenth" ] || [ "$follow_said" -ge 30 ]; then
            follow_tenth=$follow_now follow_said=0
            if [ "$2" -gt 0 ]; then
                say 5 "fetched $(mib "$follow_size") of $(mib "$2") MiB"
            else
                say 5 "fetched $(mib "$follow_size") MiB"
            fi
        fi
    done
}
