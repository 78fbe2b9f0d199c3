#!/bin/sh
# Fetch the live system and what its installer reads from the web server in edgelinux.medium=URL into memory, laid
# out as on a disc. What was fetched is kept when the connection breaks. No disk is looked at.

set -u

# shellcheck source=elements/edgelinux-live/static/usr/lib/dracut/modules.d/90edgelinux-live/netmedium-lib.sh
. "${EDGELINUX_LIB:-/usr/lib/edgelinux}/netmedium-lib.sh"

# The unit tests set these; in the initramfs they are unset.
: "${EDGELINUX_MEDIUM:=/run/initramfs/live}" "${EDGELINUX_MEMINFO:=/proc/meminfo}"
# Seconds without a single byte before it is given up: longer than a server takes to restart, or a switch port
# with spanning tree to forward. Then seconds for all of it, without data until the connection is made anew, and
# without an address until one is asked for again.
: "${EDGELINUX_PATIENCE:=300}" "${EDGELINUX_OVERALL:=7200}" "${EDGELINUX_STALL:=20}" "${EDGELINUX_DHCP:=100}"

SYSTEM=live/edgelinux.squashfs
# MiB that the live system and an installation need beside what is fetched.
BESIDE=768

url=$(kernel_arg edgelinux.medium)
url=${url%/}
expected=$(kernel_arg edgelinux.sha512)
pin=$(kernel_arg edgelinux.cert)
case $url in
    https:*) pinned=$pin ;;
    *) pinned='' ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
started=$(uptime_seconds)
moved=$started
woken=$started
most=0
# What the server says of the system; 0 while that is not known.
size=0

stop() {
    say 3 "$1"
    say 3 "no disk was touched"
    exit 1
}

# Is the certificate that the server has just shown, if any, not the one that is pinned?
other_certificate() {
    sed '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/!d; /-END CERTIFICATE-/q' "$work/out" | sed /CERTIFICATE/d |
        base64 -d 2> /dev/null > "$work/certificate"
    # None is shown when the connection breaks before; then nothing was fetched.
    [ -s "$work/certificate" ] || [ "$ask_code" = 0 ] || return 1
    [ "$(sha256sum < "$work/certificate")" != "$pin  -" ]
}

# Ask for path $1 once, with curl's further arguments. Sets status, and reason in words.
# Returns 0 when it is there, 1 when it is worth asking again, 2 when it is not, 3 when there is no such file.
ask() {
    ask_path=$1
    shift
    set -- --silent --show-error --fail --location --proto =http,https --connect-timeout 15 \
        --speed-limit 1024 --speed-time "$EDGELINUX_STALL" "$@"
    if [ "$pinned" ]; then
        # The pin takes the place of authorities and names.
        set -- "$@" --insecure --write-out '%{http_code}\n%{certs}'
    else
        set -- "$@" --write-out '%{http_code}\n'
    fi
    LC_ALL=C curl "$@" "$url/$ask_path" > "$work/out" 2> "$work/errors"
    ask_code=$?
    status=$(head -n 1 "$work/out")
    reason=$(sed -n 's/^curl: ([0-9]*) //p' "$work/errors" | head -n 1)
    if [ "$pinned" ] && other_certificate; then
        reason='the server has another certificate than edgelinux.cert= says'
        return 2
    fi
    case $ask_code in
        0) return 0 ;;
        # A URL that is none, no such protocol, no room, a certificate that nobody vouches for.
        1 | 3 | 23 | 60 | 77) return 2 ;;
    esac
    case $status in
        404 | 410) return 3 ;;
        408 | 416 | 429) return 1 ;;
        4??) return 2 ;;
    esac
    return 1
}

# NetworkManager has asked for an address for 90 s, once. While there is none, have it ask again.
wake_network() {
    [ -z "$(ip -o address show scope global)" ] || return 0
    reason='this machine has no address: is a cable in it, and does DHCP answer?'
    [ $((now - woken)) -ge "$EDGELINUX_DHCP" ] || return 0
    woken=$now
    nmcli networking off
    nmcli networking on
}

# Wait before the next try, longer each time; stop when that was to no purpose for too long.
wait_or_stop() {
    tries=$((tries + 1))
    pause=$((tries < 5 ? tries * tries : 20))
    now=$(uptime_seconds)
    wake_network
    if [ $((now - moved)) -ge "$EDGELINUX_PATIENCE" ]; then
        stop "cannot fetch $url/$1: $reason; nothing came for $((now - moved)) s"
    fi
    if [ $((now - started)) -ge "$EDGELINUX_OVERALL" ]; then
        stop "cannot fetch $url/$1: not there after $((now - started)) s; the last trouble: $reason"
    fi
    say 4 "$url/$1: $reason; trying again in $pause s${2:+, from $2 MiB on}"
    sleep "$pause"
}

# Fetch a small file; without "optional" as $2, stop when it is not there.
fetch_small() {
    tries=0
    while :; do
        ask "$1" --max-filesize 16777216 --output "$work/file"
        case $? in
            0)
                mv "$work/file" "$EDGELINUX_MEDIUM/$1"
                moved=$(uptime_seconds)
                return 0
                ;;
            1) wait_or_stop "$1" ;;
            3)
                [ "${2:-}" != optional ] || return 0
                stop "the server has no $url/$1 ($status)"
                ;;
            *) stop "cannot fetch $url/$1: $reason" ;;
        esac
    done
}

# Find out how large the system is. A server that does not say so is fine.
ask_size() {
    tries=0
    while :; do
        ask "$SYSTEM" --head --dump-header "$work/head" --output /dev/null
        case $? in
            0) break ;;
            1)
                # Some servers know no HEAD.
                [ "$status" != 501 ] || return 0
                wait_or_stop "$SYSTEM"
                ;;
            3) stop "the server has no $url/$SYSTEM ($status)" ;;
            *)
                [ "$status" != 405 ] || return 0
                stop "cannot fetch $url/$SYSTEM: $reason"
                ;;
        esac
    done
    moved=$(uptime_seconds)
    # The last one, when the server has sent us elsewhere.
    size=$(tr -d '\r' < "$work/head" | sed -n 's/^[Cc]ontent-[Ll]ength: *\([0-9][0-9]*\)$/\1/p' | tail -n 1)
    size=${size:-0}
}

# Mount memory for it, and not more than is needed. Stop when this machine has too little.
make_room() {
    total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$EDGELINUX_MEMINFO")
    need=$(($(mib "$size") + BESIDE))
    had=$((total / 1024))
    if [ "$need" -gt "$had" ]; then
        stop "this machine has too little memory: $need MiB are needed, it has $had MiB"
    fi
    # When the size is not known, all that can be spared.
    room=$(mib "$size")
    [ "$size" -gt 0 ] || room=$((had - BESIDE))
    mkdir -p "$EDGELINUX_MEDIUM"
    mountpoint -q "$EDGELINUX_MEDIUM" ||
        # 32 MiB for the small files.
        mount -t tmpfs -o "size=$((room + 32))m,mode=0755" edgelinux-medium "$EDGELINUX_MEDIUM" ||
        stop "cannot mount memory at $EDGELINUX_MEDIUM"
    mkdir -p "$EDGELINUX_MEDIUM/live" "$EDGELINUX_MEDIUM/edgelinux"
}

# Fetch the system into $1, going on where an earlier try has ended.
fetch_system() {
    tries=0 most=0
    while :; do
        have=$(size_of "$1")
        [ "$size" = 0 ] || [ "$have" -lt "$size" ] || return 0
        follow "$1" "$size" &
        follower=$!
        ask "$SYSTEM" --continue-at - --output "$1"
        asked=$?
        kill "$follower"
        wait "$follower" 2> /dev/null
        have=$(size_of "$1")
        if [ "$have" -gt "$most" ]; then
            most=$have
            moved=$(uptime_seconds)
            tries=0
        fi
        case $asked in
            0) return 0 ;;
            1)
                # A server that cannot go on in the middle (33), or has another file by now.
                if [ "$ask_code" = 33 ] || [ "$status" = 416 ]; then
                    rm -f "$1"
                    have=0
                fi
                wait_or_stop "$SYSTEM" "$(mib "$have")"
                ;;
            3) stop "the server has no $url/$SYSTEM ($status)" ;;
            *) stop "cannot fetch $url/$SYSTEM: $reason" ;;
        esac
    done
}

case $expected in
    '' | *[!0-9a-f]*) stop "edgelinux.sha512= on the kernel's command line is no SHA-512" ;;
esac
say 5 "the live system comes from $url"
ask_size
make_room
fetch_small edgelinux/media.json
fetch_small live/SHA512SUMS
fetch_small SHA512SUMS optional
fetch_small edgelinux/ks.cfg optional

file=$EDGELINUX_MEDIUM/$SYSTEM
for try in first second; do
    fetch_system "$file.part"
    found=$(sha512sum < "$file.part" | cut -d ' ' -f 1)
    if [ "$found" = "$expected" ]; then
        mv "$file.part" "$file"
        now=$(uptime_seconds)
        say 5 "fetched $(mib "$(size_of "$file")") MiB in $((now - started)) s, and their checksum is right"
        exit 0
    fi
    rm -f "$file.part"
    [ "$try" = second ] || say 4 "$url/$SYSTEM: its SHA-512 is not that of edgelinux.sha512=; fetching it anew"
done
stop "$url/$SYSTEM is not what this machine was told to boot: its SHA-512 is $(printf %.16s "$found")…, \
edgelinux.sha512= says $(printf %.16s "$expected")…; are the server's files of one build?"
