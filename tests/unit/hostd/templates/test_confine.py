"""What reaches outside an antlet is refused: a table of XML with the line each gets, and what may stay."""

from __future__ import annotations

import pytest
import yaml
from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.templates.confine import confine
from edgelinux_hostd.templates.document import parse

from tests.unit.hostd.templates.conftest import HERE

TABLE = yaml.safe_load((HERE / "golden/refused/table.yaml").read_text(encoding="utf-8"))


def _xml(case: dict[str, str]) -> str:
    kind = "lxc" if {"lxc", "container"} & set(case) else "kvm"
    domain = case.get("domain", case.get("container", ""))
    os = f"<os><type>{'exe' if kind == 'lxc' else 'hvm'}</type>{case.get('os', '')}</os>"
    devices = f"<devices>\n{case.get(kind, '')}</devices>"
    return f"<domain type='{kind}'><name>web1</name>{os}\n{domain}\n{devices}</domain>"


@pytest.mark.parametrize("case", TABLE, ids=lambda case: str(case["line"])[:60])
def test_refused(case: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as caught:
        confine(parse(_xml(case)), "web1")
    lines = [item.partition(": domain/")[2] for item in caught.value.items]
    assert case["line"] in lines
    assert "\n" not in str(caught.value)


def test_all_that_reaches_outside_is_named_with_its_line() -> None:
    xml = "<domain type='kvm'>\n<name>web1</name>\n<devices>\n<hostdev/>\n<vsock/>\n</devices>\n</domain>"
    with pytest.raises(RefusedError) as caught:
        confine(parse(xml, "x.antlet.xml"), "web1")
    assert caught.value.items == (
        "line 4: domain/devices/hostdev: a device of the host's",
        "line 5: domain/devices/vsock: a socket to the host",
    )
    assert str(caught.value).startswith("x.antlet.xml reaches outside its antlet: line 4: ")


def test_the_name_is_the_antlets() -> None:
    with pytest.raises(RefusedError, match="must be web1"):
        confine(parse("<domain type='kvm'><name>web2</name></domain>"), "web1")
    with pytest.raises(RefusedError, match="name: is missing"):
        confine(parse("<domain type='kvm'/>"), "web1")


def test_a_privileged_template_may_have_the_hosts_root() -> None:
    xml = (
        "<domain type='lxc'><name>web1</name><idmap><uid start='0' target='0' count='1'/></idmap>"
        "<features><capabilities policy='allow'/></features></domain>"
    )
    confine(parse(xml), "web1", privileged=True)
    with pytest.raises(RefusedError):
        confine(parse(xml), "web1")


def test_metadata_and_prose_are_free() -> None:
    xml = (
        "<domain type='kvm'><name>web1</name><description>two\nlines</description>"
        "<metadata><o:os xmlns:o='http://example.org/os' id='x'>y</o:os></metadata></domain>"
    )
    confine(parse(xml), "web1")


@pytest.mark.parametrize("kind", ["xen", ""])
def test_other_domains(kind: str) -> None:
    with pytest.raises(InvalidError, match="container or a machine"):
        confine(parse(f"<domain type='{kind}'/>"), "web1")


def test_entities_are_refused() -> None:
    with pytest.raises(InvalidError, match="line 1: a document type is not allowed"):
        parse('<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/shadow">]>\n<domain>&a;</domain>')
    with pytest.raises(InvalidError, match="line 2: "):
        parse("<domain>\n&undefined;</domain>")
