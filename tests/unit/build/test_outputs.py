from __future__ import annotations

import json
from pathlib import Path

import pytest
from edgelinux_build.outputs import lookup_output, publish
from edgelinux_hostd.errors import EdgeLinuxError


def make(folder: Path, name: str, content: bytes = b"iso") -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"00  {name}\n", encoding="utf-8")
    return {
        "iso": {"name": name, "size": len(content), "sha256": "00", "label": "L"},
        "stages": {"iso": {"key": "key", "seconds": 1.0, "inputs": {"kickstart": "x"}}},
    }


def test_what_was_published_is_recognized(tmp_path: Path) -> None:
    out = tmp_path / "deep/out"
    publish(tmp_path / "made", out, make(tmp_path / "made", "a.iso"))
    found = lookup_output(out, "key")
    assert found
    assert found.facts["iso"] == "a.iso"
    assert found.inputs == {"kickstart": "x"}
    assert lookup_output(out, "another key") is None
    assert lookup_output(tmp_path / "nowhere") is None


@pytest.mark.parametrize("damage", ["truncated", "gone", "manifest cut", "manifest empty"])
def test_what_is_not_whole_is_not_recognized(tmp_path: Path, damage: str) -> None:
    out = tmp_path / "out"
    publish(tmp_path / "made", out, make(tmp_path / "made", "a.iso"))
    manifest = out / "manifest.json"
    if damage == "truncated":
        (out / "a.iso").write_bytes(b"i")
    elif damage == "gone":
        (out / "a.iso").unlink()
    elif damage == "manifest cut":
        manifest.write_text(manifest.read_text(encoding="utf-8")[:40], encoding="utf-8")
    else:
        manifest.write_text("{}", encoding="utf-8")
    assert lookup_output(out) is None


def test_checksums_of_other_isos_in_the_same_place_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("a.iso", "b.iso", "a.iso"):
        publish(tmp_path / "made", out, make(tmp_path / "made", name))
    assert (out / "SHA256SUMS").read_text(encoding="utf-8") == "00  b.iso\n00  a.iso\n"
    (out / "b.iso").unlink()
    publish(tmp_path / "made", out, make(tmp_path / "made", "a.iso"))
    assert (out / "SHA256SUMS").read_text(encoding="utf-8") == "00  a.iso\n"
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["iso"]["name"] == "a.iso"


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EdgeLinuxError, match=r"cannot write to .*/file/out: Not a directory"):
        publish(tmp_path / "made", tmp_path / "file/out", make(tmp_path / "made", "a.iso"))
