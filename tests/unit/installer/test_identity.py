"""Which machine this is, and the names of files that are meant for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_installer.identity import (
    Identity,
    normalise_mac,
    normalise_serial,
    normalise_uuid,
    parse_key,
    this_machine,
)

UUID = "4c4c4544-0042-3510-8052-b4c04f4d3732"


def card(sys: Path, name: str, mac: str, *, kind: str = "1", hardware: bool = True) -> Path:
    folder = sys / "class/net" / name
    (folder / "device" if hardware else folder).mkdir(parents=True)
    (folder / "address").write_text(f"{mac}\n", encoding="utf-8")
    (folder / "type").write_text(f"{kind}\n", encoding="utf-8")
    return folder


def dmi(sys: Path, serial: str, uuid: str) -> None:
    folder = sys / "class/dmi/id"
    folder.mkdir(parents=True)
    (folder / "product_serial").write_text(f"{serial}\n", encoding="utf-8")
    (folder / "product_uuid").write_text(f"{uuid}\n", encoding="utf-8")


def test_a_machine_is_read_from_sysfs(tmp_path: Path) -> None:
    card(tmp_path, "eth10", "52:54:00:00:00:0A")
    card(tmp_path, "eth2", "52:54:00:00:00:02")
    card(tmp_path, "lo", "00:00:00:00:00:00", kind="772", hardware=False)
    card(tmp_path, "br0", "52:54:00:00:00:02", hardware=False)
    card(tmp_path, "ib0", "80:00:02:08:fe:80", kind="32")
    dmi(tmp_path, " 5B3R2M1 ", UUID.upper())
    assert this_machine(tmp_path) == Identity(("52:54:00:00:00:02", "52:54:00:00:00:0a"), "5B3R2M1", UUID)


def test_a_port_of_a_bond_is_known_by_its_own_address(tmp_path: Path) -> None:
    for name, own in (("eth0", "52:54:00:00:00:01"), ("eth1", "52:54:00:00:00:02")):
        folder = card(tmp_path, name, "52:54:00:00:00:01")
        (folder / "bonding_slave").mkdir()
        (folder / "bonding_slave/perm_hwaddr").write_text(f"{own}\n", encoding="utf-8")
    assert this_machine(tmp_path).macs == ("52:54:00:00:00:01", "52:54:00:00:00:02")


def test_a_machine_without_dmi_is_known_by_its_cards(tmp_path: Path) -> None:
    card(tmp_path, "eth0", "52:54:00:00:00:01")
    assert this_machine(tmp_path) == Identity(("52:54:00:00:00:01",), "", "")
    assert this_machine(tmp_path / "nothing") == Identity()


def test_this_machine_itself_can_be_read() -> None:
    found = this_machine()
    assert all(normalise_mac(mac) == mac for mac in found.macs)
    assert found.keys[-1] == "default"


@pytest.mark.parametrize(
    "junk",
    ["To be filled by O.E.M.", "Default string", "0", "None", "", "Not Specified", "System Serial Number"],
)
def test_what_makers_write_for_no_serial_number_is_none(junk: str) -> None:
    assert normalise_serial(junk) == ""
    assert normalise_serial(f" {junk.upper()}\n") == ""


def test_serial_numbers_that_stand_for_nothing() -> None:
    assert [normalise_serial(text) for text in ("00000000", "........", "---", "  ")] == ["", "", "", ""]
    assert normalise_serial("VMware-56 4d  ff ") == "VMware-56 4d ff"
    assert normalise_serial("1111111") == "1111111"


def test_macs_and_uuids_in_one_way() -> None:
    assert normalise_mac("AA-BB-CC-DD-EE-0F") == normalise_mac("aa:bb:cc:dd:ee:0f") == "aa:bb:cc:dd:ee:0f"
    for wrong in ("", "aa:bb:cc:dd:ee", "aabbccddeeff", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "gg:" * 6):
        assert normalise_mac(wrong) == ""
    assert normalise_uuid(f" {UUID.upper()}\n") == UUID
    for wrong in ("", "x", UUID[1:], UUID.replace("-", ""), "00000000-0000-0000-0000-000000000000"):
        assert normalise_uuid(wrong) == ""
    assert normalise_uuid("03000200-0400-0500-0006-000700080009") == ""


def test_what_somebody_says_of_a_machine_is_put_in_order() -> None:
    said = Identity.of(["AA:BB:CC:DD:EE:01", "nonsense", "aa-bb-cc-dd-ee-01"], "Default string", UUID.upper())
    assert said == Identity(("aa:bb:cc:dd:ee:01",), "", UUID)


def test_keys_come_in_the_order_of_precedence() -> None:
    machine = Identity(("aa:bb:cc:dd:ee:01", "aa:bb:cc:dd:ee:02"), "CZ/12 3", UUID)
    assert machine.keys == (
        f"uuid-{UUID}",
        "serial-cz-12-3",
        "aa-bb-cc-dd-ee-01",
        "aa-bb-cc-dd-ee-02",
        "default",
    )
    assert Identity().keys == ("default",)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("AA:BB:CC:DD:EE:FF".replace("FF", "F0"), "aa-bb-cc-dd-ee-f0"),
        ("aa-bb-cc-dd-ee-f0", "aa-bb-cc-dd-ee-f0"),
        ("serial-5B3R2M1", "serial-5b3r2m1"),
        ("Serial-VMware-56 4d", "serial-vmware-56-4d"),
        (f"uuid-{UUID.upper()}", f"uuid-{UUID}"),
        ("default", "default"),
    ],
)
def test_a_key_is_written_in_one_way(name: str, key: str) -> None:
    assert parse_key(name) == key


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("web1", "'web1' names no machine"),
        ("aa-bb-cc-dd-ee", "names no machine"),
        ("serial-", "no serial number"),
        ("serial-Default string", "no serial number"),
        ("uuid-1234", "no UUID"),
        ("uuid-00000000-0000-0000-0000-000000000000", "no UUID"),
    ],
)
def test_what_names_no_machine_is_refused(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_key(name)
