"""Specifications made anew of what is left."""

from __future__ import annotations

import pytest
from edgelinux_hostd.recover.rebuild import from_xml, rebuild, salvage

UUID = "8f2c5f3e-61f5-4a8e-9a0e-6f8d7d0a3c11"
IDENTITY = {"name": "web1", "number": 25, "uuid": UUID}

XML = """\
<!-- a template -->
<domain type='lxc'>
  <name>{{ name }}</name>
  <memory unit='MiB'>{{ ram }}</memory>
  <vcpu>{{ cpu }}</vcpu>
  <devices>
    <interface type='network'>
      <source network='bblv'/><mac address='b2:61:6e:73:6c:{{ iphex }}'/>
    </interface>
    {% if wide %}
    <interface type='bridge'>
      <source bridge='br1'/><mac address='52:54:00:AA:BB:CC'/><model type='e1000'/>
    </interface>
    {% endif %}
    <interface type='user'/>
  </devices>
</domain>
"""


def test_fields_that_are_whole_are_kept() -> None:
    text = f"name: web1\nnumber: 25\nuuid: {UUID}\nram: many\ncpu: 2\ndescription: a shop\nnics: 7\n"
    assert salvage(text) == {"number": 25, "uuid": UUID, "cpu": 2, "description": "a shop"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ram: 512\ncpu: 2\nnics: [{type: bri", {"ram": 512, "cpu": 2}),
        ("\x00\x00\x00", {}),
        ("", {}),
        ("- a\n- b\n", {}),
        ("number: 9\nram: 512\n", {"ram": 512}),
        ("ram: &a [*a]\ncpu: 3\n", {"cpu": 3}),
    ],
)
def test_what_is_left_of_damaged_files(text: str, found: dict[str, object]) -> None:
    assert salvage(text) == found


def test_template_xml_tells_kind_and_cards() -> None:
    assert from_xml(XML) == {
        "kind": "lxc",
        "nics": [
            {"type": "network", "source": "bblv"},
            {"type": "bridge", "source": "br1", "model": "e1000", "mac": "52:54:00:aa:bb:cc"},
        ],
    }


def test_template_xml_with_figures() -> None:
    found = from_xml("<domain type='kvm'><memory>1048576</memory><vcpu>4</vcpu></domain>")
    assert found == {"kind": "kvm", "ram": 1024, "cpu": 4}


@pytest.mark.parametrize(
    "text", ["", "<domain", '<!DOCTYPE d [<!ENTITY a "b">]><domain type="kvm"/>', "plain"]
)
def test_xml_that_is_none(text: str) -> None:
    assert from_xml(text) == {}


def test_what_is_left_comes_before_the_template() -> None:
    spec, notes = rebuild(IDENTITY, "ram: 4096\nautostart: true\n{", XML, "ram: 256\ncpu: 2\n", ["rootfs"])
    assert spec is not None
    assert (spec.name, spec.number, str(spec.uuid)) == ("web1", 25, UUID)
    assert (spec.kind, spec.ram, spec.cpu, spec.autostart) == ("lxc", 4096, 2, True)
    assert [nic.source for nic in spec.nics] == ["bblv", "br1"]
    assert notes == ()


def test_what_is_assumed_is_said() -> None:
    spec, notes = rebuild(IDENTITY, None, "", "", ["disks"])
    assert spec is not None
    assert (spec.kind, spec.ram, spec.cpu) == ("kvm", 1024, 1)
    assert notes == (
        "its network cards are not known: one on bblv",
        "its ram is not known: 1024 MiB RAM",
        "its cpu is not known: 1 CPU",
    )


def test_neither_container_nor_machine() -> None:
    spec, notes = rebuild(IDENTITY, "ram: 512", "", "")
    assert spec is None
    assert "container or a machine" in notes[0]
