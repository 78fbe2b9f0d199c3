"""Packages are built once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.build.mirror.rpms import Packages, make_packages


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata are kept in the test's own place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def packages() -> Iterator[Packages]:
    """Signed, unsigned and otherwise signed RPM packages."""
    missing = [
        name for name in ("dnf", "rpmbuild", "rpmsign", "createrepo_c", "gpg") if not shutil.which(name)
    ]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    # Short enough for gpg-agent's socket.
    with tempfile.TemporaryDirectory(prefix="rpms-") as folder:
        yield make_packages(Path(folder))
