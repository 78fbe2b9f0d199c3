"""The cloud-init seed: what it says, and that the image holds it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.runtime.kvm.cloudinit import make_seed, seed_files

UUID_ = UUID("6f3d5f0e-8a55-4a83-9d6e-0c9b1f5a2e11")
TEMPLATE = "name: debian-13\nkind: kvm\nversion: '1'\ncloud_init: true\n"
KEY = "ssh-ed25519 " + "A" * 300 + " someone@somewhere"

needs_tools = pytest.mark.skipif(
    not (shutil.which("mkfs.vfat") and shutil.which("mcopy")), reason="no mkfs.vfat or no mtools here"
)


def spec(*nics: Nic, keys: tuple[str, ...] = ()) -> AntletSpec:
    return AntletSpec(
        name="web1", number=25, uuid=UUID_, kind="kvm", ram=512, cpu=1, nics=nics or (Nic(),), ssh_keys=keys
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An antlet of a template that asks for a seed."""
    (tmp_path / "disks").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    return tmp_path


def test_meta_data_is_the_antlets_identity() -> None:
    found = yaml.safe_load(seed_files(spec())["meta-data"])
    assert found == {"instance-id": str(UUID_), "local-hostname": "web1"}


def test_keys_are_in_user_data_and_root_may_use_them() -> None:
    text = seed_files(spec(keys=(f"{KEY}\n",)))["user-data"]
    assert text.startswith("#cloud-config\n")
    assert yaml.safe_load(text) == {"disable_root": False, "ssh_authorized_keys": [KEY]}
    assert "ssh_authorized_keys" not in seed_files(spec())["user-data"]


def test_card_on_our_network_asks_dhcp_by_its_mac() -> None:
    assert yaml.safe_load(seed_files(spec())["network-config"]) == {
        "version": 2,
        "ethernets": {"card0": {"match": {"macaddress": "b2:61:6e:73:6c:19"}, "dhcp4": True}},
    }


@pytest.mark.parametrize(
    ("address", "gateway", "anywhere"),
    [("192.0.2.7/24", "192.0.2.1", "0.0.0.0/0"), ("2001:db8::7/64", "2001:db8::1", "::/0")],
)
def test_card_on_a_bridge_can_have_an_address_of_its_own(address: str, gateway: str, anywhere: str) -> None:
    nic = Nic(type="bridge", source="br0", mac="52:54:00:00:00:01", address=address, gateway=gateway)
    cards = yaml.safe_load(seed_files(spec(Nic(), nic))["network-config"])["ethernets"]
    assert cards["card1"] == {
        "match": {"macaddress": "52:54:00:00:00:01"},
        "addresses": [address],
        "routes": [{"to": anywhere, "via": gateway}],
    }


def test_static_address_without_a_gateway_has_no_route() -> None:
    nic = Nic(type="bridge", source="br0", address="192.0.2.7/24")
    card = yaml.safe_load(seed_files(spec(nic))["network-config"])["ethernets"]["card0"]
    assert card == {"match": {"macaddress": "b2:61:6e:73:6c:19"}, "addresses": ["192.0.2.7/24"]}


@needs_tools
def test_image_is_labelled_and_holds_the_files(directory: Path) -> None:
    make_seed(directory, spec())
    make_seed(directory, spec(keys=(KEY,)))  # a second time: it is replaced
    image = directory / "disks" / "seed.img"
    assert list(image.parent.iterdir()) == [image]
    for name, text in seed_files(spec(keys=(KEY,))).items():
        shown = subprocess.run(
            ["mtype", "-i", image, f"::{name}"], capture_output=True, text=True, check=True
        )
        assert shown.stdout == text
    label = subprocess.run(["mlabel", "-s", "-i", image, "::"], capture_output=True, text=True, check=True)
    assert "CIDATA" in label.stdout


@needs_tools
def test_failure_leaves_the_seed_that_was_there(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_seed(directory, spec())
    image = directory / "disks" / "seed.img"
    before = image.read_bytes()
    monkeypatch.setattr("edgelinux_hostd.runtime.kvm.cloudinit._SIZE", "1")
    with pytest.raises(EdgeLinuxError, match=r"mkfs\.vfat"):
        make_seed(directory, spec(keys=(KEY,)))
    assert image.read_bytes() == before
    assert list(image.parent.iterdir()) == [image]


def test_template_that_asks_for_no_seed_gets_none(directory: Path) -> None:
    (directory / "template.yaml").write_text(TEMPLATE.replace("true", "false"), encoding="utf-8")
    make_seed(directory, spec())
    assert not list((directory / "disks").iterdir())
