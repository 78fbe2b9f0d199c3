"""antlet.yaml: what is written is read back, and damage is named."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.spec import AntletSpec, Nic, dump, load, parse
from edgelinux_hostd.errors import EdgeLinuxError

SPEC = AntletSpec(
    name="web1",
    number=25,
    uuid=UUID(int=7),
    kind="lxc",
    template="debian-13.lxc",
    ram=1024,
    cpu=2,
    nics=(Nic(), Nic(type="bridge", source="br0", address="192.168.0.9/24", gateway="192.168.0.1")),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    dump(SPEC, tmp_path)
    assert load(tmp_path) == SPEC
    assert (tmp_path / "antlet.yaml").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["antlet.yaml"]


def test_a_link_left_by_a_guest_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / ".antlet.yaml.new").symlink_to(victim)
    with pytest.raises(EdgeLinuxError, match="symbolic link"):
        dump(SPEC, tmp_path)
    assert victim.read_text() == "kept"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a mapping"),
        ("name: [", "line 2"),
        ("name: web1\nnumber: 9\n", "number"),
        ("\x00", "web1/antlet.yaml"),
        ("name: ../etc\n", "cannot name an antlet"),
        ("surprise: 1\n", "web1/antlet.yaml"),
    ],
)
def test_damage_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(EdgeLinuxError, match=said) as caught:
        parse(text, "web1/antlet.yaml")
    assert "\n" not in str(caught.value)
    assert "antlet recover" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=r"antlet\.yaml: No such file"):
        load(tmp_path)
