"""A small repository with one image and one base, as the build's tests need it."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.images import load_base, load_image
from edgelinux_build.stage import Project

from tests.unit.build.fakes import BASE, IMAGE


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The root of a repository that has what the definitions name."""
    root = tmp_path / "repository"
    for name, text in {
        "images/small.yaml": IMAGE,
        "images/bases/base-1.yaml": BASE,
        "elements/tiny/install.d/10-tiny": "#!/bin/bash\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Project:
    """A build of that repository's image."""
    return Project(
        root=repository,
        image=load_image(repository, "small"),
        base=load_base(repository, "base-1"),
        why_base="the only base there is",
        kickstart="# kickstart\n",
        unattended=False,
        serial="ttyS0,115200",
        epoch=1_700_000_000,
        out=tmp_path / "out",
        jobs=2,
    )
