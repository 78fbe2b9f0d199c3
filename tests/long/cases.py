"""The installations of `make test-long`, as data, and how they are dealt out to several machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["CASES", "SITE", "Case", "deal", "parse_shard"]

SITE = """\
hostname: {name}
unattended: true
disks:
  select: ["{select}"]
  count: {count}
  layout: {layout}
  {more}
root:
  ssh_keys: ["{key}"]
"""


@dataclass(frozen=True)
class Case:
    """One installation. Its disks have the slots 1 and up; `members` are those that the pool must consist of.

    `select` and `more` go below `disks:` of the site file. `follows`: the disks are those that another case
    has left, so that it runs after that one. `refusal`: what the installer must say instead of installing.
    `typed`: the default ISO, and everything is typed into the forms on the serial line. `test`: the
    one that runs it, where it is not that of one machine with a medium.
    """

    name: str
    disks: tuple[str, ...] = ()
    members: tuple[int, ...] = (1, 2)
    layout: Literal["mirror", "single"] = "mirror"
    firmware: Literal["uefi", "bios"] = "uefi"
    stick: bool = False
    select: str = "/dev/disk/by-id/*edgelinux-disk*"
    more: str = ""
    follows: str = ""
    refusal: str = ""
    typed: bool = False
    test: str = "test_matrix.py::test_installs"


CASES: tuple[Case, ...] = (
    Case("three-virtio-bios", ("9G", "9G", "9G"), (1, 2, 3), firmware="bios"),
    Case("four-sata-stick", ("9G:sata", "9G:sata", "9G:sata", "9G:sata"), (1, 2, 3, 4), stick=True),
    Case("single-nvme", ("9G:nvme",), (1,), layout="single"),
    Case("two-4k-virtio", ("10G:4k", "10G:4k")),
    Case("two-4k-nvme", ("10G:nvme:4k", "10G:nvme:4k")),
    Case("usb-disks", ("9G:usb", "9G:usb"), firmware="bios"),
    Case("unequal", ("9G", "12G:sata")),
    Case("by-serial", ("9G", "9G", "9G"), (2, 3), select="serial:edgelinux-disk[23]"),
    Case("typed", ("9G", "9G"), typed=True),
    Case("network-pair", ("9G", "9G"), test="test_network_pair.py::test_both_are_installed"),
    Case("existing-pool-refused", follows="unequal", refusal="antlets"),
    Case("existing-pool-wiped", follows="existing-pool-refused", more="wipe: true"),
)


def parse_shard(text: str) -> tuple[int, int]:
    """Read "2/3", the second of three parts; raises EdgeLinuxError."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise EdgeLinuxError(f"{text!r} is not a shard", hint="1/3 is the first of three", exit_code=2)
    return int(match[1]), int(match[2])


def deal(cases: Sequence[Case], shard: tuple[int, int], named: Iterable[str] = ()) -> tuple[Case, ...]:
    """Return the cases of a shard, or those named with what they follow, in their order.

    Cases that follow another one go where that one goes, so every shard can run by itself.
    """
    known = {case.name: case for case in cases}
    wanted = set(named)
    if unknown := wanted - known.keys():
        raise EdgeLinuxError(
            f"no such case: {', '.join(sorted(unknown))}", hint=f"known: {', '.join(known)}", exit_code=2
        )

    def chain(case: Case) -> list[Case]:
        return [*(chain(known[case.follows]) if case.follows else []), case]

    if wanted:
        needed = {case.name for name in wanted for case in chain(known[name])}
        return tuple(case for case in cases if case.name in needed)
    number, count = shard
    first = [case.name for case in cases if not case.follows]
    mine = {name for index, name in enumerate(first) if index % count == number - 1}
    return tuple(case for case in cases if chain(case)[0].name in mine)
