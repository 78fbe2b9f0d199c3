"""An antlet's network cards on the wire: antMan's vnic, known by its MAC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import Nic
from edgelinux_hostd.api.objects.base import Input
from edgelinux_hostd.errors import NotFoundError, RefusedError

__all__ = ["Vnic", "added", "find", "macs", "nics", "removed", "vnics"]

_MAC = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"


class Vnic(Input):
    """A network card; `address` (CIDR) and `gateway` are for bridges.

    `mac-address` follows from the antlet's number when left out.
    """

    type: Literal["bridge", "network"]
    source: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,15}$")
    model: Literal["virtio", "e1000", "e1000e", "rtl8139"] = "virtio"
    mac_address: Annotated[str, AfterValidator(str.lower)] | None = Field(default=None, pattern=_MAC)
    address: str | None = None
    gateway: str | None = None


def macs(number: int, cards: Sequence[Nic]) -> tuple[str, ...]:
    """Give the MAC of each card of an antlet."""
    return tuple(nic.mac or numbers.mac(number, place) for place, nic in enumerate(cards))


def vnics(number: int, cards: Sequence[Nic]) -> tuple[Vnic, ...]:
    """Give an antlet's cards as they are sent."""
    return tuple(
        Vnic.model_validate({**nic.model_dump(exclude={"mac"}), "mac-address": mac})
        for nic, mac in zip(cards, macs(number, cards), strict=True)
    )


def nics(number: int | None, cards: Sequence[Vnic]) -> tuple[Nic, ...]:
    """Give cards as a specification has them: without a MAC where it is the one that the number gives."""
    return tuple(_nic(number, place, card) for place, card in enumerate(cards))


def _nic(number: int | None, place: int, card: Vnic) -> Nic:
    derived = None if number is None else numbers.mac(number, place)
    return Nic(
        type=card.type,
        source=card.source,
        model=card.model,
        mac=None if card.mac_address == derived else card.mac_address,
        address=card.address,
        gateway=card.gateway,
    )


def find(name: str, number: int, cards: Sequence[Nic], mac: str) -> int:
    """Give the place of the card with this MAC; raises NotFoundError."""
    try:
        return macs(number, cards).index(mac.lower())
    except ValueError:
        raise NotFoundError(f"antlet {name} has no network card {mac}") from None


def added(name: str, number: int, cards: Sequence[Nic], new: Vnic) -> tuple[Nic, ...]:
    """Add a card; raises RefusedError when its MAC is another card's."""
    taken = macs(number, cards)
    place = len(cards)
    mac = new.mac_address
    if mac in taken:
        raise RefusedError(f"mac-address: antlet {name} has a network card {mac} already")
    if mac is None:
        # Not the next place's when an earlier removal has left that MAC in use.
        mac = next(free for card in range(len(taken) + 1) if (free := numbers.mac(number, card)) not in taken)
    return (*cards, _nic(number, place, new.model_copy(update={"mac_address": mac})))


def removed(number: int, cards: Sequence[Nic], place: int) -> tuple[Nic, ...]:
    """Remove a card; those after it keep their MACs, by which guests know them."""
    kept = [card for index, card in enumerate(vnics(number, cards)) if index != place]
    return nics(number, kept)
