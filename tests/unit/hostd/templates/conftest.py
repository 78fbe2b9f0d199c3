"""What the tests of templates share: what a real host offers, under KVM and by emulation."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.templates.offers import HostOffers, parse_offers
from edgelinux_hostd.templates.render import Variables

HERE = Path(__file__).parent
WEB1 = Variables(name="web1", ram=1024, cpu=2, iphex="19")


def offers_of(virttype: str) -> HostOffers:
    data = HERE / "data"
    return parse_offers(
        (data / "capabilities.xml").read_text(encoding="utf-8"),
        (data / f"domcapabilities-{virttype}.xml").read_text(encoding="utf-8"),
    )


@pytest.fixture(scope="session")
def kvm() -> HostOffers:
    return offers_of("kvm")


@pytest.fixture(scope="session")
def emulation() -> HostOffers:
    return offers_of("qemu")
