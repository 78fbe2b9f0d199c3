"""The antlets' DNS domain as a hosts file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError
from edgelinux_hostd.network import names


def hosts(*antlets: tuple[str, int]) -> dict[str, str]:
    lines = (line.split() for line in names.render("10.1.1.", antlets).splitlines())
    return {name: line[0] for line in lines for name in line[1:]}


def test_names_of_the_host_of_numbers_and_of_antlets() -> None:
    found = hosts(("web1", 25))
    assert found["host.bblv"] == "10.1.1.1"
    assert found["antlet25.bblv"] == found["web1.bblv"] == found["web1"] == "10.1.1.25"
    assert found["antlet254.bblv"] == "10.1.1.254"
    assert "antlet9.bblv" not in found
    assert "antlet255.bblv" not in found


def test_an_address_is_called_by_its_number_first() -> None:
    line = next(line for line in names.render("10.1.1.", [("web1", 25)]).splitlines() if "web1" in line)
    assert line.split() == ["10.1.1.25", "antlet25.bblv", "antlet25", "web1.bblv", "web1"]


def test_an_antlet_named_after_its_own_number() -> None:
    assert names.render("10.1.1.", [("antlet25", 25)]) == names.render("10.1.1.", [])


def test_a_name_that_is_another_ones_does_not_harm_the_others() -> None:
    found = hosts(("antlet30", 25), ("host", 26), ("web1", 27))
    assert found["antlet30.bblv"] == "10.1.1.30"
    assert found["host.bblv"] == "10.1.1.1"
    assert found["web1.bblv"] == "10.1.1.27"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("antlet30", "is the name of antlet number 30, not 25"),
        ("host", "cannot name"),
        ("wpad", "cannot name"),
    ],
)
def test_names_that_are_taken(name: str, said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        names.check_own_name(name, 25)


@pytest.mark.parametrize("name", ["web1", "antlet25", "antlet9", "antlet300", "antlet"])
def test_names_that_are_free(name: str) -> None:
    assert names.check_own_name(name, 25) == name


def test_the_file_is_written_once_and_can_be_read_by_dnsmasq(tmp_path: Path) -> None:
    path = tmp_path / "dns/antlets"
    assert names.write("10.1.1.", [("web1", 25)], path)
    assert not names.write("10.1.1.", [("web1", 25)], path)
    assert names.write("10.1.1.", [("web2", 25)], path)
    assert "web1" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["antlets"]


def test_the_directory_can_be_reached_by_dnsmasq(tmp_path: Path) -> None:
    above = tmp_path / "state"
    above.mkdir(mode=0o700)
    names.prepare(above / "dns")
    assert stat.S_IMODE(above.stat().st_mode) == 0o711
    assert stat.S_IMODE((above / "dns").stat().st_mode) == 0o755


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeLinuxError, match="cannot make"):
        names.prepare(tmp_path / "file/dns")
    with pytest.raises(EdgeLinuxError, match="cannot write"):
        names.write("10.1.1.", [], tmp_path / "file/antlets")
