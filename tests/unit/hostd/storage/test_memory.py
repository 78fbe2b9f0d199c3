"""The pool in memory behaves like zfs(8) where tests rely on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.storage.base import Storage

from tests.unit.hostd.memory import MemoryStorage


def test_a_clone_keeps_its_origin_and_follows_renames(tmp_path: Path) -> None:
    pool = MemoryStorage(tmp_path)
    storage: Storage = pool
    storage.create("antlets/TEMPLATES/t", {"edgelinux:kind": "template"})
    (tmp_path / "antlets/TEMPLATES/t/file").write_text("one")
    storage.snapshot("antlets/TEMPLATES/t@1")
    storage.clone("antlets/TEMPLATES/t@1", "antlets/web1", {})
    assert (tmp_path / "antlets/web1/file").read_text() == "one"
    with pytest.raises(EdgeLinuxError, match="dependent clones"):
        storage.destroy("antlets/TEMPLATES/t@1")
    storage.rename("antlets/TEMPLATES/t", "antlets/TEMPLATES/u")
    found = storage.dataset("antlets/web1")
    assert found is not None
    assert found.origin == "antlets/TEMPLATES/u@1"
    assert storage.snapshots("antlets/TEMPLATES/u")[0].clones == ("antlets/web1",)


def test_rolling_back_over_newer_snapshots_has_to_be_asked_for(tmp_path: Path) -> None:
    storage = MemoryStorage(tmp_path)
    storage.create("antlets/web1", {})
    storage.snapshot("antlets/web1@a")
    (tmp_path / "antlets/web1/new").touch()
    storage.snapshot("antlets/web1@b")
    with pytest.raises(EdgeLinuxError, match="more recent"):
        storage.rollback("antlets/web1@a", destroy_newer=False)
    storage.rollback("antlets/web1@a", destroy_newer=True)
    assert not (tmp_path / "antlets/web1/new").exists()
    assert [info.name for info in storage.snapshots("antlets/web1")] == ["antlets/web1@a"]
