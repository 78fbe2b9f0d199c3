"""The public module, and the examples of docs/api.md, which are run as they stand there."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build import api
from edgelinux_build.stage import Project
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.standin import make_results, make_standin

PAGE = Path(__file__).resolve().parents[3] / "docs/api.md"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """What the page's code defines."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    names: dict[str, Any] = {}
    exec("\n".join(blocks), names)  # noqa: S102  (the page is part of this repository)
    return names


@pytest.fixture
def iso(project: Project, tmp_path: Path) -> Path:
    return make_standin(project, make_results(tmp_path / "results"), tmp_path)


def test_the_page_lists_every_function() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in api.__all__:
        if inspect.isfunction(getattr(api, name)):
            assert f"`{name}(" in text, name


def test_media_for_many_hosts(example: dict[str, Any], iso: Path, tmp_path: Path) -> None:
    media = example["make_media"](iso, ["edge1", "edge2"], tmp_path / "media")
    assert list(media) == ["edge1", "edge2"]
    assert all(found.ok and found.info.unattended for found in media.values())
    assert "network --hostname=edge2" in media["edge2"].kickstart
    assert len({found.info.label for found in media.values()}) == 2
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "media/edge1", capture_output=True
    )
    assert done.returncode == 0


def test_a_kickstart_and_one_that_is_refused(example: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "ks.cfg"
    file.write_text("network --hostname=edge7\npoweroff\n", encoding="utf-8")
    assert example["problem_of"](file) == "edge7: mirror, then poweroff"
    file.write_text("text\nbtrfs none\n", encoding="utf-8")
    assert example["problem_of"](file).startswith("line 2: ")


def test_a_plan(
    example: dict[str, Any], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("EDGELINUX_ROOT", raising=False)
    steps = example["explain"](repository)
    assert steps["root-tree"].startswith("run: never built before")
    assert steps["iso"].startswith("depends: ")
    assert not (tmp_path / "xdg").exists()


def test_embedding(iso: Path, tmp_path: Path) -> None:
    kickstart = tmp_path / "ks.cfg"
    kickstart.write_text("text\n", encoding="utf-8")
    out = tmp_path / "new.iso"
    made = api.embed_kickstart(iso, kickstart, out)
    assert made == api.Iso(out, out.stat().st_size, made.sha256)
    with pytest.raises(EdgeLinuxError, match="exists"):
        api.embed_kickstart(iso, kickstart, out)
    with pytest.raises(EdgeLinuxError, match="nobody could log in"):
        api.embed_kickstart(iso, kickstart, out, unattended=True, force=True)


def test_building_what_is_wrong(
    repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    site = tmp_path / "site.yaml"
    site.write_text("hostnam: x\n", encoding="utf-8")
    with pytest.raises(EdgeLinuxError, match=r"site\.yaml:1: hostnam: unknown key") as caught:
        api.build(root=repository, site=site, out=tmp_path / "out")
    assert "edgelinux: edgelinux" not in str(caught.value)
    with pytest.raises(EdgeLinuxError, match="there is no image 'other'") as caught:
        api.build("other", root=repository)
    assert caught.value.exit_code == 2


def test_building_what_is_there(
    repository: Path, iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that builds says what it made, whether or not it had to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    program = tmp_path / "python"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/words\n'
        f"""echo '{{"iso": "{iso}", "size": 5, "sha256": "00"}}'\necho 'base: Base 1' >&2\n"""
    )
    program.chmod(0o755)
    monkeypatch.setattr("edgelinux_build.api.sys.executable", str(program))
    assert api.build("small", root=repository, out=iso.parent, force=["iso"]) == api.Iso(iso, 5, "00")
    assert (tmp_path / "words").read_text().split() == [
        *("-m", "edgelinux_build.cli", "build", "small", "--base", "auto", "--out", str(iso.parent)),
        *("--format", "json", "--force", "iso"),
    ]


def test_no_click_in_the_way() -> None:
    code = "import sys, edgelinux_build.api; sys.exit('edgelinux_build.cli' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
