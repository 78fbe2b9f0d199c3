"""Elements read as diskimage-builder reads them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from edgelinux_build.elements import Element, Target, closure, environment, installs, mapped
from edgelinux_hostd.errors import EdgeLinuxError

ELEMENTS = Path(__file__).resolve().parents[3] / "elements"


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


def test_an_element_names_the_packages_of_another(tmp_path: Path) -> None:
    for name, file, text in (
        ("system", "pkg-map", '{"default": {"a": "a-own", "b": "b-own"}}'),
        ("first", "pkg-maps/system/20-first", '{"default": {"a": "a-first"}}'),
        ("second", "pkg-maps/system/10-second", '{"default": {"a": "a-second"}}'),
    ):
        (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / file).write_text(text)
    alone = closure((tmp_path,), ("system", "second"))[-1]
    assert [mapped(alone, name, target()) for name in "ab"] == [("a-second",), ("b",)]
    (*_, system) = closure((tmp_path,), ("system", "second", "first"))
    assert mapped(system, "a", target()) == ("a-first",)
    (tmp_path / "first/pkg-maps/system/20-first").write_text("{")
    with pytest.raises(EdgeLinuxError, match="first/pkg-maps/system/20-first"):
        mapped(system, "a", target())


def test_the_build_takes_the_same_maps(tmp_path: Path) -> None:
    """The element's script, run as diskimage-builder runs it: all elements' files are in one directory."""
    hooks, tree = tmp_path / "hooks", tmp_path / "tree"
    shutil.copytree(ELEMENTS / "edgelinux-pkg-maps/extra-data.d", hooks / "extra-data.d")
    (hooks / "pkg-maps/system").mkdir(parents=True)
    (hooks / "pkg-maps/system/10-second").write_text("second")
    (hooks / "pkg-maps/system/20-first").write_text("first")
    (tree / "usr/share/pkg-map").mkdir(parents=True)
    for name in ("system", "other"):
        (tree / "usr/share/pkg-map" / name).write_text("own")
    script = hooks / "extra-data.d/11-edgelinux-pkg-maps"
    subprocess.run([script], check=True, env={**os.environ, "TMP_MOUNT_PATH": str(tree)})
    made = {path.name: path.read_text() for path in (tree / "usr/share/pkg-map").iterdir()}
    assert made == {"system": "first", "other": "own"}


def test_a_damaged_map_is_named(element: Element) -> None:
    (element.path / "pkg-map").write_text("{")
    with pytest.raises(EdgeLinuxError, match="system/pkg-map"):
        mapped(element, "a", target())
