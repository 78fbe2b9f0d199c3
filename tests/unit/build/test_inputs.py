from __future__ import annotations

from pathlib import Path

from edgelinux_build.inputs import Json, differences, hash_file, hash_files, key_of


def test_a_key_depends_on_values_not_on_order() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": 1, "b": [1, 2]}) != key_of({"a": 1, "b": [2, 1]})
    assert key_of({"a": "1"}) != key_of({"a": 1})


def test_files_count_by_content_mode_and_target(tmp_path: Path) -> None:
    (tmp_path / "x/y").mkdir(parents=True)
    (tmp_path / "x/y/script").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "x/link").symlink_to("y/script")
    before = hash_files(tmp_path, ["x", "missing"])
    assert sorted(before) == ["x/link", "x/y/script"]
    assert before["x/link"] == "link y/script"
    (tmp_path / "x/y/script").chmod(0o755)
    assert hash_files(tmp_path, ["x"]) != before


def test_what_python_leaves_behind_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "x/__pycache__").mkdir(parents=True)
    (tmp_path / "x/__pycache__/a.cpython-311.pyc").write_bytes(b"1")
    (tmp_path / "x/b.pyc").write_bytes(b"1")
    assert hash_files(tmp_path, ["x"]) == {}


def test_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert hash_file(tmp_path / "empty").startswith("e3b0c44298fc1c14")


def test_differences_read_like_sentences() -> None:
    old: Json = {"version": 1, "gone": 1, "files": {"a/b.sh": "1", "a/c.sh": "1"}}
    new: Json = {"version": 2, "files": {"a/b.sh": "2", "a/c.sh": "1", "d": "1"}, "packages": ["x"]}
    assert differences(old, new) == [
        "a/b.sh changed",
        "d is new",
        "gone is gone",
        "packages is new",
        "version changed",
    ]
    nested: Json = {"packages": {"one": {"files": {"x.py": "1"}}}}
    assert differences(nested, {"packages": {"one": {"files": {"x.py": "2"}}}}) == ["x.py changed"]
    assert differences(old, old) == []
