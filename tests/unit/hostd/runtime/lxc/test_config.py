"""XML and specification become liblxc's configuration: golden files, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.lxc.config import first_id, render_config
from edgelinux_hostd.runtime.lxc.facts import Facts

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name: str) -> tuple[Launch, Facts]:
    given = yaml.safe_load((GOLDEN / f"{name}.yaml").read_text(encoding="utf-8"))
    facts = given["facts"]
    facts["cpus"] = tuple(facts["cpus"])
    facts["busy"] = tuple(tuple(cpus) for cpus in facts.get("busy", ()))
    xml = (GOLDEN / f"{name}.xml").read_text(encoding="utf-8")
    return Launch(AntletSpec.model_validate(given["spec"]), Path(given["directory"]), xml), Facts(**facts)


@pytest.mark.parametrize("name", ["plain", "rich", "privileged"])
def test_golden(name: str) -> None:
    assert render_config(*golden(name)) == (GOLDEN / f"{name}.conf").read_text(encoding="utf-8")


def test_every_antlet_has_ids_of_its_own_that_nobody_else_gives_out() -> None:
    ranges = [range(first_id(number), first_id(number) + 65536) for number in range(10, 255)]
    assert all(a.stop <= b.start for a, b in pairwise(ranges))
    # Subordinate ids of login.defs and of systemd-nspawn end below; systemd's foreign ids begin above.
    assert ranges[0].start > 0x6FFFFFFF
    assert ranges[-1].stop <= 0x7FFE0000


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"devices": "<filesystem type='mount'><source dir='/etc'/><target dir='/x'/></filesystem>"},
            "outside",
        ),
        (
            {"devices": "<filesystem><source dir='/antlets/web1/../db'/><target dir='/x'/></filesystem>"},
            "outside",
        ),
        ({"devices": "<filesystem><source dir='/antlets/web1'/><target dir='/x'/></filesystem>"}, "outside"),
        (
            {"devices": "<filesystem><source dir='/antlets/web10/x'/><target dir='/x'/></filesystem>"},
            "outside",
        ),
        (
            {"devices": "<filesystem><source dir='/antlets/web1/rootfs/a'/><target dir='/x'/></filesystem>"},
            "guest's own root",
        ),
        (
            {"devices": "<filesystem><source dir='/antlets/web1/a'/><target dir='/x/../..'/></filesystem>"},
            "no place to mount",
        ),
        (
            {"devices": "<filesystem><source dir='/antlets/web1/a'/><target dir='/'/></filesystem>"},
            "only one",
        ),
        (
            {"devices": "<filesystem type='block'><source dev='/dev/sda'/><target dir='/x'/></filesystem>"},
            "block",
        ),
        ({"os": "<init>sbin/init</init>"}, "no absolute path"),
        ({"os": "<init>/sbin/init</init><initarg>'a</initarg>"}, "quotes"),
        ({"os": "<init>/sbin/init</init><initarg>a\nlxc.mount.entry = /</initarg>"}, "one line"),
        ({"os": "<init>/sbin/init</init><initenv name='A'>b\nlxc.idmap =</initenv>"}, "one line"),
        ({"os": "<init>/sbin/init</init><initenv name='A=B'>b</initenv>"}, "environment variable"),
        ({"more": "<vcpu cpuset='0;1'>1</vcpu>"}, "set of processors"),
        ({"more": "<cputune><shares>many</shares></cputune>"}, "not a size"),
        ({"more": "<features><capabilities policy='all'/></features>"}, "policy"),
        ({"more": "<features><capabilities><mknod state='no'/></capabilities></features>"}, "on or off"),
    ],
)
def test_what_is_refused(launch: Callable[..., Launch], parts: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidError, match=said) as caught:
        render_config(launch(**parts), Facts())
    assert "web1" in str(caught.value)


@pytest.mark.parametrize(
    "xml", ["<domain type='kvm'/>", "<domain type='lxc'/>", "<domain", "<x type='lxc'/>"]
)
def test_what_is_no_container(launch: Callable[..., Launch], xml: str) -> None:
    given = launch()
    with pytest.raises(InvalidError, match="XML of antlet web1"):
        render_config(Launch(given.spec, given.directory, xml), Facts())


def test_a_card_cannot_bring_lines_of_its_own(launch: Callable[..., Launch]) -> None:
    nics = [{"type": "bridge", "source": "br0", "address": "192.0.2.7/24\nlxc.idmap ="}]
    with pytest.raises(InvalidError, match="one line"):
        render_config(launch(nics=nics), Facts())
