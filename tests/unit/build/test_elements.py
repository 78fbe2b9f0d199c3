"""Elements read as diskimage-builder reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from edgelinux_build.elements import Element, Target, closure, environment, installs, mapped
from edgelinux_hostd.errors import EdgeLinuxError


@pytest.fixture
def element(tmp_path: Path) -> Element:
    folder = tmp_path / "system"
    folder.mkdir()
    return Element("system", folder)


def target(**values: str) -> Target:
    return Target("redhat", {"ARCH": "amd64", "DISTRO_NAME": "centos", "DIB_RELEASE": "10-stream", **values})


def test_the_closure_follows_dependencies_over_all_folders_and_skips_what_is_provided(tmp_path: Path) -> None:
    for name, file, text in (
        ("own/app", "element-deps", "library operating-system\n"),
        ("own/system", "element-provides", "operating-system\n"),
        ("theirs/library", "element-deps", "deeper"),
        ("theirs/deeper", "element-deps", ""),
        ("theirs/app", "element-deps", "not-taken"),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / file).write_text(text)
    found = closure((tmp_path / "own", tmp_path / "theirs"), ("system", "app"))
    assert [element.name for element in found] == ["app", "deeper", "library", "system"]
    assert found[0].path == tmp_path / "own" / "app"
    (tmp_path / "theirs" / "deeper" / "element-deps").write_text("typo")
    with pytest.raises(EdgeLinuxError, match="there is no element typo"):
        closure((tmp_path / "own", tmp_path / "theirs"), ("system", "app"))


def test_the_environment_is_what_scripts_set_over_what_is_given(element: Element) -> None:
    folder = element.path / "environment.d"
    folder.mkdir()
    (folder / "10-first").write_text(
        "export DISTRO_NAME=centos\nexport DIB_RELEASE=${DIB_RELEASE:-9-stream}\n"
        'export QUOTED="EFI/centos"\nexport UNKNOWN=$(date)\nexport NEW=${NEW:-"0"}'
    )
    (folder / "20-second").write_text("export LATER=${QUOTED:-none}\nLOCAL=1\n")
    found = environment([element], {"DIB_RELEASE": "10-stream", "UNKNOWN": "given"})
    assert found == {
        "DISTRO_NAME": "centos",
        "DIB_RELEASE": "10-stream",
        "QUOTED": "EFI/centos",
        "NEW": "0",
        "LATER": "EFI/centos",
    }


@pytest.mark.parametrize(
    ("parameters", "installed"),
    [
        ({}, True),
        ({"phase": "pre-install.d"}, True),
        ({"uninstall": True}, False),
        ({"build-only": True}, True),
        ([{"uninstall": True}, {"arch": "amd64"}], True),
        ({"arch": "arm64, amd64"}, True),
        ({"arch": "arm64"}, False),
        ({"not-arch": "amd64"}, False),
        ({"when": "DIB_EDGE=1"}, True),
        ({"when": "DIB_EDGE = 0"}, False),
        ({"when": ["DIB_EDGE=1", "DISTRO_NAME!=centos"]}, False),
        ({"when": "DIB_NOT_KNOWN=1"}, True),
        ({"installtype": "package"}, False),
        ({"dib_python_version": 2}, False),
    ],
)
def test_conditions_of_package_installs(element: Element, parameters: object, installed: bool) -> None:
    (element.path / "package-installs.yaml").write_text(json.dumps({"tool": parameters}))
    found = installs(element, target(DIB_EDGE="1", DIB_PYTHON_VERSION="3"))
    assert found == (("tool",) if installed else ())


def test_the_most_specific_name_counts(element: Element) -> None:
    (element.path / "pkg-map").write_text(
        json.dumps(
            {
                "default": {"a": "a-default", "b": "b-default", "c": "c-default", "d": "d-default"},
                "family": {"redhat": {"a": "a-family", "b": "b-family", "c": "c-family"}},
                "distro": {"centos": {"a": "a-distro", "b": ""}},
                "release": {"centos": {"10-stream": {"a": "a-release and-more"}}},
            }
        )
    )
    names = {name: mapped(element, name, target()) for name in "abcde"}
    assert names == {
        "a": ("a-release", "and-more"),
        "b": (),
        "c": ("c-family",),
        "d": ("d-default",),
        "e": ("e",),
    }


def test_a_damaged_map_is_named(element: Element) -> None:
    (element.path / "pkg-map").write_text("{")
    with pytest.raises(EdgeLinuxError, match="system/pkg-map"):
        mapped(element, "a", target())
