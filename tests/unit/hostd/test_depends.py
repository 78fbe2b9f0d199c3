"""All that hostd imports and runs comes from packages that its own depends on; asked of the built tree."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import edgelinux_hostd
import pytest
import yaml

pytestmark = [
    pytest.mark.skipif(not os.environ.get("EDGELINUX_TREE"), reason="asks about the built tree: `make tree`"),
    pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this base has packages of another kind"),
]

ROOM = Path(__file__).parents[3] / "hostd"
PACKAGE = yaml.safe_load((ROOM / "packaging/package.yaml").read_text(encoding="utf-8"))

# Without them no host starts.
ALWAYS = {"systemd", "udev"}


def nodes() -> Iterator[ast.AST]:
    for file in Path(str(edgelinux_hostd.__file__)).parent.rglob("*.py"):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def imported() -> set[str]:
    names: set[str] = set()
    for node in nodes():
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"edgelinux_hostd"}


def first_words() -> set[str]:
    """The first words of all lists: command lines begin with a program."""
    lists = (node for node in nodes() if isinstance(node, ast.List) and node.elts)
    first = (node.elts[0] for node in lists)
    return {one.value for one in first if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def owner(path: str) -> str:
    """The package that a file is from."""
    done = subprocess.run(["dpkg-query", "--search", path], check=True, capture_output=True, text=True)
    return done.stdout.split(":")[0]


def required(package: str) -> bool:
    argv = ["dpkg-query", "--show", "--showformat=${Essential} ${Priority}", package]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return "yes" in done.stdout or "required" in done.stdout


def test_imports() -> None:
    found = {name: importlib.util.find_spec(name) for name in sorted(imported())}
    owners = {name: owner(str(spec.origin)) for name, spec in found.items() if spec}
    assert owners.keys() == found.keys()
    assert {name: package for name, package in owners.items() if package not in PACKAGE["depends"]} == {}


def test_programs() -> None:
    paths = {word: shutil.which(word) for word in first_words()}
    owners = {word: owner(os.path.realpath(path)) for word, path in sorted(paths.items()) if path}
    # Not all of these lists are commands; these are.
    assert {"zfs", "zpool", "nft", "tar", "qemu-img", "lxc-console", "virt-xml-validate"} <= owners.keys()
    known = {PACKAGE["name"], *PACKAGE["depends"], *ALWAYS}
    missing = {word: package for word, package in owners.items() if package not in known}
    assert {word: package for word, package in missing.items() if not required(package)} == {}


def test_the_tree_has_all_that_the_package_holds() -> None:
    # What no host has a use for is left out of all packages: dpkg.cfg.d in elements/.
    argv = ["dpkg", "--verify", PACKAGE["name"]]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if "/usr/share/doc/" not in line] == []
