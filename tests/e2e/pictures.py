"""What of a host a job of hostd's may change, as text that two runs of the same job give alike."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from tests.e2e.hostapi import call

__all__ = ["Picture", "differences", "orphans", "picture", "settled", "tidied"]

Picture = Mapping[str, tuple[str, ...]]

# Sections of lines. Sizes and times are left out. So are DHCP leases: a number's address is its own for ever,
# and dnsmasq keeps a lease until it runs out.
LOOK = r"""
section() { printf '\n== %s\n' "$1"; }
section datasets
zfs list -H -t filesystem,volume,snapshot -o name,origin,mountpoint,mounted,canmount,quota | sort
section properties
zfs get -H -t filesystem,snapshot -s local -o name,property,value all | sort
section pools
zpool list -H -o name,health
cat /var/lib/edgelinux/pools.json 2> /dev/null
section domains
virsh --quiet list --all --name | sed '/^$/d' | sort
section units
systemctl list-units --plain --no-legend --no-pager 'antlet-lxc@*' | awk '{print $1, $3, $4}' | sort
section cgroups
ls /sys/fs/cgroup/antlets.slice 2> /dev/null | grep '@' | sort
section runtime
find /run/edgelinux -mindepth 1 -maxdepth 2 | grep -vE '/(faults|console)|edgelinux/lxc$' | sort
section state
find /var/lib/edgelinux -mindepth 1 -maxdepth 2 ! -name 'hostd.db*' ! -name 'pools.*' | sort
section directories
ls -1 /antlets /crashpool 2> /dev/null
section ports
ip -o link show | sed -nE 's/^[0-9]+: (antlet[0-9]+[-0-9]*)(@[^:]*)?: .*/\1/p' | sort
section names
cat /var/lib/edgelinux/dns/antlets
section firewall
nft list tables
nft --stateless list table bridge edgelinux | sha256sum
nft --stateless list table inet edgelinux | sha256sum
section files
for file in /antlets/crash*/antlet.yaml /antlets/crash*/rootfs/etc/crash-mark \
    /antlets/crash*/rootfs/etc/hostname /crashpool/*/antlet.yaml; do
    test -f "$file" && sed "s|^|$file: |" "$file"
done
true
"""

# Of an antlet on the wire, what does not change by itself.
FIELDS = (
    "dname",
    "antlet-num",
    "dtype",
    "state",
    "ram",
    "cpu",
    "compression",
    "zfs-quota",
    "autostart",
    "ip",
)


def picture(host: Any) -> Picture:
    """Look at a host once."""
    # A pipe's end may be gone before its beginning has written all: that is no failure here.
    text = host.run("bash -c %s", LOOK).stdout
    answer = call(host, "GET", "/api/antlets")
    assert answer.ok, f"hostd does not list its antlets: {answer}"
    antlets = [json.dumps({name: one.get(name) for name in FIELDS}) for one in answer.body]
    network = call(host, "GET", "/api/system/base-ip").body
    return {**tidied(text), "antlets": tuple(antlets), "network": (json.dumps(network),)}


def tidied(text: str) -> dict[str, tuple[str, ...]]:
    """Read the sections, without what is another one in each run: uuids, jobs, the times in names."""
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    text = re.sub(uuid, "<uuid>", text)
    text = re.sub(r"@clone-[0-9-]+", "@clone", text)
    # A snapshot keeps the job that took it, by which it goes again with its clone; a dataset must not.
    text = re.sub(r"^(\S+@\S+\tedgelinux:job\t)\S+", r"\1<job>", text, flags=re.MULTILINE)
    found: dict[str, tuple[str, ...]] = {}
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        name, _, lines = part.partition("\n")
        found[name] = tuple(line for line in lines.splitlines() if line and not _nothing(line))
    # What create-pool makes has a GUID of its own each time.
    found["pools"] = tuple(re.sub(r'"\d{6,}"', '"<guid>"', line) for line in found.get("pools", ()))
    return found


def _nothing(line: str) -> bool:
    """Tell what says the same as its absence: a list of no pools, no quota."""
    return line == "{}" or line.endswith("\tquota\tnone")


def settled(host: Any, wanted: Picture | None = None, seconds: float = 20) -> Picture:
    """Look until the host is as `wanted`, or two looks are alike: units and ports take a moment to go."""
    until = time.monotonic() + seconds
    last = picture(host)
    while last != wanted:
        time.sleep(0.5)
        again = picture(host)
        if time.monotonic() > until or (again == last and wanted is None):
            return again
        last = again
    return last


def orphans(now: Picture) -> list[str]:
    """Name what no host may have between jobs: a job's datasets, things of antlets that are not there."""
    antlets = [json.loads(line) for line in now["antlets"]]
    names = {one["dname"] for one in antlets}
    alive = {one["dname"] for one in antlets if one["state"] in ("Running", "Paused")}
    ports = {f"antlet{one['antlet-num']}" for one in antlets if one["dname"] in alive}
    wrong = [
        f"dataset of a job: {line}"
        for line in now["properties"]
        if re.match(r"[^@\s]+\tedgelinux:job\t", line)
    ]
    wrong += [f"machine without antlet: {name}" for name in now["domains"] if name not in alive]
    for line in now["units"]:
        match = re.match(r"antlet-lxc@(.+)\.service ", line)
        if match and match[1] not in alive:
            wrong.append(f"unit without antlet: {line}")
    for line in now["runtime"]:
        match = re.match(r"/run/edgelinux/lxc/([^/]+)$", line)
        if match and match[1] not in alive:
            wrong.append(f"configuration without antlet: {line}")
    wrong += [f"port without antlet: {port}" for port in now["ports"] if port.partition("-")[0] not in ports]
    known = {word for line in now["names"] for word in line.split()[1:]}
    wrong += [f"no name for antlet {name}" for name in names - known]
    numbers = re.compile(r"antlet\d+(\.bblv)?|host(\.bblv)?")
    extra = {word for word in known if not numbers.fullmatch(word)} - {
        f"{n}{s}" for n in names for s in ("", ".bblv")
    }
    wrong += [f"name without antlet: {word}" for word in sorted(extra)]
    return wrong


def differences(wanted: Picture, found: Picture) -> list[str]:
    """Say in which lines a picture differs from another one."""
    lines = []
    for section in sorted({*wanted, *found}):
        old, new = wanted.get(section, ()), found.get(section, ())
        lines += [
            f"{section}: {line}"
            for line in unified_diff(old, new, lineterm="", n=0)
            if not line.startswith(("---", "+++", "@@"))
        ]
    return lines
