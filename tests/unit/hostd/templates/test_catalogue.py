from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from edgelinux_hostd.antlets.records import Template, TemplateVersion
from edgelinux_hostd.errors import InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.templates import catalogue, template_file
from edgelinux_hostd.templates.validate import complaint

OLD = TemplateVersion("1", "antlets/TEMPLATES/t@1", 1, ("antlets/web1", "antlets/TEMPLATES/u"))
NEW = TemplateVersion("2", "antlets/TEMPLATES/t@2", 2)
T = Template("t", "antlets", "antlets/TEMPLATES/t", Path("/x"), "lxc", versions=(OLD, NEW))


def test_find() -> None:
    assert catalogue.find((T,), "t") is T
    assert catalogue.version_of(T) is NEW
    assert catalogue.version_of(T, "1") is OLD
    with pytest.raises(NotFoundError, match=r"no template 'x' .there are t"):
        catalogue.find((T,), "x")
    with pytest.raises(NotFoundError, match=r"pool hdd has no template 't' .it is in antlets"):
        catalogue.find((T,), "t", "hdd")
    with pytest.raises(NotFoundError, match=r"no version '3' .it has 1, 2"):
        catalogue.version_of(T, "3")


def test_what_depends_on_a_template_keeps_it() -> None:
    with pytest.raises(RefusedError) as caught:
        catalogue.delete_plan(T)
    assert caught.value.items == ("antlet web1", "template u")
    assert catalogue.delete_plan(T, "2").destroy == ("antlets/TEMPLATES/t@2",)
    free = Template("t", "antlets", T.dataset, Path("/x"), "lxc", versions=(NEW,))
    assert catalogue.delete_plan(free).destroy == ("antlets/TEMPLATES/t@2", "antlets/TEMPLATES/t")
    with pytest.raises(InvalidError, match="the only version"):
        catalogue.delete_plan(free, "2")


def test_next_version() -> None:
    day = datetime.date(2026, 11, 24)
    assert catalogue.next_version((), day) == "2026-11-24"
    assert catalogue.next_version(("2026-11-24", "2026-11-24-2"), day) == "2026-11-24-3"


def test_template_yaml(tmp_path: Path) -> None:
    spec = template_file.TemplateSpec(name="debian-13.lxc", kind="lxc", version="2026-11-24")
    template_file.dump(spec, tmp_path)
    assert template_file.load(tmp_path) == spec
    with pytest.raises(InvalidError, match=r"x\.yaml: ram: "):
        template_file.parse("name: t\nkind: lxc\nversion: '1'\nram: many\n", "x.yaml")
    with pytest.raises(InvalidError, match=r"name: .*cannot name a template"):
        template_file.parse("name: ../x\nkind: lxc\nversion: '1'\n", "x.yaml")
    with pytest.raises(InvalidError, match="line 2"):
        template_file.parse("name: t\n kind: [", "x.yaml")


def test_the_validators_words_in_one_line() -> None:
    said = (
        "b.xml:3: element memory: Relax-NG validity error : Type unsignedLong doesn't allow value 'many'\n"
        "Relax-NG validity error : Extra element memory in interleave\n"
        "b.xml:1: element domain: Relax-NG validity error : Element domain failed to validate content\n"
    )
    xml = "<domain>\n<name/>\n  <memory>many</memory>\n</domain>"
    assert complaint(said, xml) == "Type unsignedLong doesn't allow value 'many': <memory>many</memory>"
    extra = "Relax-NG validity error : Extra element features in interleave\nx fails to validate"
    assert complaint(extra, xml) == "<features> holds what it may not, or lacks what it must have"
