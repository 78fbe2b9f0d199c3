"""What is run on dnf's own Python, with releases of dnf that are not at hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

BUILD = Path(__file__).resolve().parents[3] / "build/edgelinux_build"
QUESTION = {"folder": "/f", "basearch": "x86_64", "release": "10", "arches": ["x86_64", "noarch"]}


def fake_base(options: dict[str, Any]) -> type:
    """A dnf.Base of which there is a configuration with these options."""

    class Base:
        def __init__(self) -> None:
            self.conf = SimpleNamespace(substitutions={}, **options)
            self.repos = SimpleNamespace(all=lambda: SimpleNamespace(_set_key_import=lambda _: None))

        def read_all_repos(self) -> None:
            pass

    return Base


def load(script: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load a script that finds a dnf whose configuration has these options."""
    parts: dict[str, dict[str, Any]] = {
        "dnf": {"Base": fake_base(options)},
        "dnf.callback": {"KeyImport": object},
        "dnf.exceptions": {},
        "dnf.sack": {"Sack": object},
        "dnf.subject": {},
        "hawkey": {},
    }
    for name, attributes in parts.items():
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
        if "." in name:
            monkeypatch.setattr(sys.modules["dnf"], name.partition(".")[2], module, raising=False)
    spec = importlib.util.spec_from_file_location("script", BUILD / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def resolving(options: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    script = load("mirror/dnf_script.py", options, monkeypatch)
    base = fake_base(options)()
    script.configure(base, {**QUESTION, "folder": str(folder)})
    return base.conf


def checking(options: dict[str, Any], names: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    script = load("rpm_query.py", options, monkeypatch)
    return script._base({**QUESTION, "names": names}).conf


def test_dependencies_on_files_are_seen_by_a_dnf_that_reads_their_lists_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EL 10's is one."""
    assert resolving({"optional_metadata_types": []}, tmp_path, monkeypatch).optional_metadata_types == [
        "filelists"
    ]


def test_a_check_reads_lists_of_files_when_a_file_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    newer: dict[str, Any] = {"optional_metadata_types": []}
    assert checking(newer, ["/usr/bin/a"], monkeypatch).optional_metadata_types == ["filelists"]
    assert checking(newer, ["a"], monkeypatch).optional_metadata_types == []


def test_an_older_dnf_is_not_given_options_that_it_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not hasattr(resolving({}, tmp_path, monkeypatch), "optional_metadata_types")
    assert not hasattr(checking({}, ["/usr/bin/a"], monkeypatch), "optional_metadata_types")
