"""The network in libvirt, tried with libvirt's own test driver where its Python module is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.network import defined
from edgelinux_hostd.network.defined import Lease, read_leases


def test_leases_by_number_without_strangers() -> None:
    found: list[dict[str, Any]] = [
        {"mac": "b2:61:6e:73:6c:1a", "ipaddr": "10.1.1.26", "hostname": None, "expirytime": 9},
        {"mac": "52:54:00:00:00:01", "ipaddr": "10.1.1.9", "hostname": "x", "expirytime": 9},
        {"mac": "b2:61:6e:73:6c:19", "ipaddr": "10.1.1.25", "hostname": "web", "expirytime": 8},
    ]
    assert read_leases(found) == (
        Lease(25, "10.1.1.25", "b2:61:6e:73:6c:19", "web", 8),
        Lease(26, "10.1.1.26", "b2:61:6e:73:6c:1a", "", 9),
    )


@pytest.fixture
def libvirt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = pytest.importorskip("libvirt", reason="libvirt-python is in the built tree only")
    monkeypatch.setattr(defined, "_URI", "test:///default")
    monkeypatch.setattr(defined, "prepare", lambda: None)
    monkeypatch.setattr(defined, "check_free", lambda _base_ip: None)
    # The driver gives the running network's XML only.
    monkeypatch.setattr(module, "VIR_NETWORK_XML_INACTIVE", 0)
    # The driver forgets everything when the last connection is closed.
    connection = module.open("test:///default")
    yield connection
    connection.close()


def gateway(libvirt: Any) -> str:
    text = libvirt.networkLookupByName("bblv").XMLDesc(0)
    return str(text[text.index("<ip address=") :].split("'")[1])


def test_defined_started_and_started_at_boot(libvirt: Any) -> None:
    assert not defined.active()
    assert defined.ensure("10.1.1.").active
    network = libvirt.networkLookupByName("bblv")
    assert network.isActive()
    assert network.autostart()
    assert gateway(libvirt) == "10.1.1.1"
    assert defined.active()


def test_again_it_stays_the_same_network(libvirt: Any) -> None:
    defined.ensure("10.1.1.")
    uuid = libvirt.networkLookupByName("bblv").UUIDString()
    defined.ensure("10.1.1.")
    assert libvirt.networkLookupByName("bblv").UUIDString() == uuid


def test_a_running_network_is_not_stopped_but_reported(libvirt: Any) -> None:
    defined.ensure("10.1.1.")
    state = defined.ensure("10.2.2.")
    assert "gateway is 10.1.1.1, not 10.2.2.1" in state.drift
    assert gateway(libvirt) == "10.1.1.1"


def test_a_new_base_ip(libvirt: Any) -> None:
    defined.ensure("10.1.1.")
    assert "gateway" not in " ".join(defined.rebase("10.2.2.").drift)
    assert gateway(libvirt) == "10.2.2.1"


def test_a_base_ip_that_is_not_free_stops_nothing(libvirt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(base_ip: str) -> None:
        raise RefusedError(f"{base_ip} is not free")

    defined.ensure("10.1.1.")
    monkeypatch.setattr(defined, "check_free", refuse)
    with pytest.raises(RefusedError, match="is not free"):
        defined.rebase("10.2.2.")
    assert gateway(libvirt) == "10.1.1.1"
    assert defined.active()


def test_removed_and_forgotten(libvirt: Any) -> None:
    defined.ensure("10.1.1.")
    defined.remove()
    defined.remove()
    assert not defined.active()
    assert "bblv" not in [network.name() for network in libvirt.listAllNetworks()]


def test_libvirt_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("libvirt", reason="libvirt-python is in the built tree only")
    monkeypatch.setattr(defined, "_URI", f"test://{tmp_path}/none.xml")
    with pytest.raises(EdgeLinuxError, match="cannot reach libvirt's networks"):
        defined.active()
