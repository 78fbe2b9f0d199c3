"""A small repository with one image and one base, as the build's tests need it."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.stage import Project

from tests.unit.build.fakes import make_project, make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The root of a repository that has what the definitions name."""
    return make_repository(tmp_path / "repository")


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Project:
    """A build of that repository's image."""
    return make_project(repository, tmp_path / "out")
