from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.yamlfile import dotted, load, validate
from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import BaseModel, ConfigDict


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    size: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    items: list[Inner] = []
    table: dict[str, Inner] = {}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_of_keys_and_items(tmp_path: Path) -> None:
    document = load(write(tmp_path, "# first\ntitle: x\nitems:\n  - name: a\n    size: 1\n  - name: b\n"))
    assert document.data["items"][1] == {"name": "b"}
    assert document.line_of(("title",)) == 2
    assert document.line_of(("items", 0, "size")) == 5
    assert document.line_of(("items", 1)) == 6
    assert document.line_of(("items", 1, "not there")) == 6
    assert document.line_of(("not there",)) == 2


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# nothing\n")).data == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("items: []\n", ":1: title: is missing"),
        ("title: x\nextra: 1\n", ":2: extra: is not a known key"),
        (
            "title: x\nitems:\n  - name: a\n    size: big\n",
            ":4: items[0].size: input should be a valid integer",
        ),
        ("title: x\nitems:\n  - size: 3\n", ":3: items[0].name: is missing"),
        ("title: x\ntable:\n  one:\n    nam: a\n    name: b\n", ":4: table.one.nam: is not a known key"),
        ("title: x\n\ntitle: y\n", ":3: title: is given twice, first on line 1; keep one"),
        ("title: [x\n", ":2: not valid YAML: expected ',' or ']'"),
        ("- a\n- b\n", ":1: must be a mapping"),
        ("title: x\n\tbad: 1\n", ":2: not valid YAML: found character '\\t'"),
        ("title: !!python/object:os.system x\n", ":1: not valid YAML: could not determine a constructor"),
        ("title: x\n---\ntitle: y\n", ":2: not valid YAML: but found another document"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(EdgeLinuxError) as caught:
        validate(Outer, path)
    assert str(caught.value).startswith(f"{path}{expected}")
    assert "\n" not in str(caught.value)


def test_the_first_error_by_line_comes_with_the_number_of_others(tmp_path: Path) -> None:
    path = write(tmp_path, "b: 1\ntitle: x\na: 2\n")
    with pytest.raises(EdgeLinuxError, match=r":1: b: is not a known key \(and 1 more\)"):
        validate(Outer, path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match="No such file"):
        load(tmp_path / "none.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: \xe4\n")
    with pytest.raises(EdgeLinuxError, match=r"latin.yaml:2: not UTF-8"):
        load(path)


def test_dotted() -> None:
    assert dotted(("users", 0, "name")) == "users[0].name"
