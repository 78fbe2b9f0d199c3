#!/bin/sh
# Sourced by dracut-cmdline: without rootok it would refuse a root it does not know, and power off.
# What is wrong with root= or edgelinux.pool= is said later, by the unit that needs them.

# shellcheck disable=SC2034,SC2154  # set and read by dracut-cmdline
case "$root" in
    zfs:*) rootok=1 ;;
esac
