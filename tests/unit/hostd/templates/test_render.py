from __future__ import annotations

import pytest
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.templates.render import Variables, render

from tests.unit.hostd.templates.conftest import WEB1


def test_the_variables() -> None:
    assert render("{{name}} {{ram}} {{cpu}} {{iphex}}", WEB1) == "web1 1024 2 19"
    assert render("{{ram * 1024}}", WEB1) == "1048576"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<a>\n{{nmae}}", "line 2: 'nmae' is undefined"),
        ("<a>\n\n{% if %}", "line 3: Expected an expression"),
        ("{{ ().__class__.__mro__ }}", "line 1: access to attribute '__class__'"),
        ("\n{{ 1 // 0 }}", "line 2: "),
        ("{% include '/etc/shadow' %}", "line 1: "),
        ("{{ range(10) }}", "'range' is undefined"),
    ],
)
def test_errors_name_file_and_line(text: str, says: str) -> None:
    with pytest.raises(InvalidError) as caught:
        render(text, WEB1, "kvm-x.antlet.xml")
    assert str(caught.value).startswith("kvm-x.antlet.xml: ")
    assert says in str(caught.value)


def test_values_cannot_be_markup() -> None:
    assert render("{{name}}", Variables("<&'", 1, 1, "0a")) == "&lt;&amp;&#39;"
