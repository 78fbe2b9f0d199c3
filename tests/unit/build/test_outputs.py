from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from edgelinux_build.outputs import lookup_output, publish, read_sums
from edgelinux_hostd.errors import EdgeLinuxError


def make(folder: Path, name: str, content: bytes = b"iso") -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return {
        "iso": {"name": name, "size": len(content), "sha256": "00", "label": "L"},
        "stages": {"iso": {"key": "key", "inputs": {"kickstart": "x"}}},
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
    assert list(read_sums(out)) == ["b.iso", "a.iso", "manifest.json"]
    (out / "b.iso").unlink()
    publish(tmp_path / "made", out, make(tmp_path / "made", "a.iso"))
    assert list(read_sums(out)) == ["a.iso", "manifest.json"]
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["iso"]["name"] == "a.iso"


def test_the_checksums_cover_iso_manifest_and_bill_of_materials(tmp_path: Path) -> None:
    out, manifest = tmp_path / "out", make(tmp_path / "made", "a.iso")
    (tmp_path / "made/a.spdx.json").write_text("{}", encoding="utf-8")
    publish(tmp_path / "made", out, manifest, timings={"iso": 1.5})
    sums = read_sums(out)
    assert sorted(sums) == ["a.iso", "a.spdx.json", "manifest.json"]
    for name in ("a.spdx.json", "manifest.json"):
        assert sums[name] == hashlib.sha256((out / name).read_bytes()).hexdigest()
    assert json.loads((out / "timings.json").read_text(encoding="utf-8")) == {"seconds": {"iso": 1.5}}


def test_the_manifest_says_nothing_of_when_or_how_long(tmp_path: Path) -> None:
    manifests = set()
    for name, seconds in (("one", 1.0), ("two", 99.0)):
        publish(
            tmp_path / "made", tmp_path / name, make(tmp_path / "made", "a.iso"), timings={"iso": seconds}
        )
        manifests.add((tmp_path / name / "manifest.json").read_bytes())
    assert len(manifests) == 1


def test_what_is_published_unsigned_has_no_signature_of_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(tmp_path / "made", out, make(tmp_path / "made", "a.iso"))
    (out / "SHA256SUMS.asc").write_text("of the one before", encoding="utf-8")
    publish(tmp_path / "made", out, make(tmp_path / "made", "a.iso"))
    assert not (out / "SHA256SUMS.asc").exists()


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EdgeLinuxError, match=r"cannot write to .*/file/out: Not a directory"):
        publish(tmp_path / "made", tmp_path / "file/out", make(tmp_path / "made", "a.iso"))
