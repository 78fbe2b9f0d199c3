"""What is checked before a job is submitted: names and numbers that are taken, what this host cannot give."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.names import check_antlet_name
from edgelinux_hostd.antlets.records import Antlet
from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.network.names import check_own_name
from edgelinux_hostd.operations.services import HostSize

__all__ = ["check_free_name", "check_size", "check_ssh_keys", "choose_number"]

_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


def check_free_name(name: str, antlets: Sequence[Antlet], number: int) -> str:
    """Return a name that an antlet of this number may be given; raises InvalidError or RefusedError."""
    check_antlet_name(name)
    if any(antlet.name == name for antlet in antlets):
        raise RefusedError(f"there is an antlet {name} already", hint="`antlet list` shows them")
    return check_own_name(name, number)


def choose_number(
    wanted: int | None, antlets: Sequence[Antlet], reserved: Collection[int] = (), keep: str = ""
) -> int:
    """Return the number asked for if it is free, or the next free one; raises InvalidError or RefusedError.

    `reserved` are numbers that unfinished jobs will give away; `keep` is the antlet whose own number is free.
    """
    taken = {antlet.number: antlet.name for antlet in antlets if antlet.name != keep}
    if wanted is None:
        return numbers.next_free(taken.keys() | set(reserved))
    numbers.check_number(wanted)
    if wanted in taken:
        raise RefusedError(f"number {wanted} is antlet {taken[wanted]}'s", hint="leave it out for a free one")
    if wanted in reserved:
        raise RefusedError(
            f"number {wanted} is being given to another antlet", hint="leave it out for a free one"
        )
    return wanted


def check_size(size: HostSize, ram: int | None, cpu: int | None) -> None:
    """Refuse memory (MiB) and processors that this host does not have; raises InvalidError."""
    if ram is not None and ram > size.ram:
        raise InvalidError(f"{ram} MiB of RAM is more than this host has", hint=f"it has {size.ram} MiB")
    if cpu is not None and cpu > size.cpus:
        raise InvalidError(f"{cpu} CPUs are more than this host has", hint=f"it has {size.cpus}")


def check_ssh_keys(keys: Sequence[str]) -> None:
    """Refuse what is not a public key on one line (sshd(8), AUTHORIZED_KEYS); raises InvalidError."""
    for key in keys:
        words = key.split()
        if "\n" in key.strip() or len(words) < 2 or not words[0].startswith(_KEY_TYPES):
            raise InvalidError(f"not an SSH public key: {key[:40]!r}", hint="one line: ssh-ed25519 AAAA…")
