"""The processor's level, and templates that need a higher one."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.cpu import CpuLevel, cpu_level
from edgelinux_hostd.errors import InvalidError, RefusedError
from edgelinux_hostd.templates.template_file import check_cpu, parse
from edgelinux_hostd.wiring import Domains

from tests.unit.hostd.templates.conftest import offers_of

LXC = Path(__file__).resolve().parents[3] / "images/templates/centos-stream-10.lxc"


def test_cpu_levels() -> None:
    v2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
    v3 = v2 + " abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
    assert cpu_level("flags\t\t: fpu\n") == "x86-64-v1"
    assert cpu_level(f"processor: 0\nflags\t\t: fpu {v2}\n") == "x86-64-v2"
    assert cpu_level(f"flags : {v3}") == "x86-64-v3"
    assert cpu_level(f"flags : {v3.replace('pni', '')}") == "x86-64-v1"
    assert cpu_level("") == "x86-64-v1"


def template(kind: str, level: str) -> str:
    return f"name: box\nkind: {kind}\nversion: '1'\ncpu_level: {level}\n"


@pytest.mark.parametrize("kind", ["lxc", "kvm"])
def test_a_template_for_newer_processors_is_refused(kind: str) -> None:
    spec = parse(template(kind, "x86-64-v3"), "template.yaml")
    with pytest.raises(RefusedError, match=r"CPU is x86-64-v2, and antlets of template box need x86-64-v3"):
        check_cpu(spec, "x86-64-v2", kvm=True)


@pytest.mark.parametrize(
    ("kind", "needs", "has", "kvm"),
    [
        ("lxc", "x86-64-v3", "x86-64-v3", True),
        ("kvm", "x86-64-v2", "x86-64-v4", True),
        # What is emulated has every level; containers never are.
        ("kvm", "x86-64-v3", "x86-64-v1", False),
    ],
)
def test_a_template_that_the_processor_can_run(kind: str, needs: str, has: CpuLevel, kvm: bool) -> None:
    check_cpu(parse(template(kind, needs), "template.yaml"), has, kvm=kvm)


def test_a_container_is_refused_whether_or_not_machines_are_emulated() -> None:
    with pytest.raises(RefusedError):
        check_cpu(parse(template("lxc", "x86-64-v3"), "template.yaml"), "x86-64-v1", kvm=False)


def test_templates_of_before_run_anywhere_and_unknown_levels_are_refused() -> None:
    check_cpu(parse("name: box\nkind: lxc\nversion: '1'\n", "template.yaml"), "x86-64-v1", kvm=True)
    with pytest.raises(InvalidError, match="cpu_level"):
        parse(template("lxc", "x86-64-v9"), "template.yaml")


def test_domains_are_not_made_for_such_a_template(tmp_path: Path) -> None:
    """Which is asked for before an antlet is made, and before it is started."""
    (tmp_path / "template.yaml").write_text(template("lxc", "x86-64-v3"))
    (tmp_path / "antlet.xml.j2").write_text((LXC / "antlet.xml.j2").read_text())
    antlet = AntletSpec(name="web1", number=25, uuid=UUID(int=1), kind="lxc", ram=64, cpu=1)
    assert "<domain" in Domains(lambda: offers_of("kvm"), "x86-64-v3")(tmp_path, antlet)
    with pytest.raises(RefusedError, match="x86-64-v2"):
        Domains(lambda: offers_of("kvm"), "x86-64-v2")(tmp_path, antlet)
