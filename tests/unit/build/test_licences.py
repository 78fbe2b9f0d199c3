from __future__ import annotations

import json
from pathlib import Path

import pytest
from edgelinux_build.licences import (
    NONE_STATED,
    UNKNOWN,
    Declared,
    Reference,
    read_copyright,
    read_licences,
    spdx_expression,
    spdx_licensing,
    write_licences,
)

from tests.unit.build.test_cli import edgelinux

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: small

Files: *
Copyright: 2020 Somebody
License: GPL-2+

Files: a.c
Copyright: 2020 Somebody
License: house-rules
 Do as you like in this house.

Files: b.c
Copyright: 2020 Somebody
License: Expat or other-rules, and BSD-3-clause

License: GPL-2+
 On Debian systems the text is in /usr/share/common-licenses/GPL-2.

License: other-rules
 Other rules.
"""


@pytest.mark.parametrize(
    ("synopsis", "expression"),
    [
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("GPL", "GPL-1.0-or-later"),
        ("Expat", "MIT"),
        ("expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("CDDL-1.0", "CDDL-1.0"),
        ("zlib", "Zlib"),
        ("GPL-1+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
        ("GPL-2+ and Expat or ISC", "(GPL-2.0-or-later AND MIT) OR ISC"),
        ("GPL-2+ or BSD-3-clause, and Expat", "(GPL-2.0-or-later OR BSD-3-Clause) AND (MIT)"),
        ("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note"),
        ("GPL-2+ with house exception", "[GPL-2+ with house exception]"),
        ("public-domain", "[public-domain]"),
    ],
)
def test_short_names_as_spdx_has_them(synopsis: str, expression: str) -> None:
    assert spdx_expression(synopsis, lambda name: f"[{name}]") == expression


def test_a_copyright_file(tmp_path: Path) -> None:
    (tmp_path / "copyright").write_text(COPYRIGHT, encoding="utf-8")
    found = read_copyright(tmp_path / "copyright")
    assert not spdx_licensing().validate(found.expression).errors or found.references
    house = Reference("house-rules", "Do as you like in this house.")
    other = Reference("other-rules", "Other rules.")
    assert found.expression == f"((MIT OR {other.id}) AND (BSD-3-Clause)) AND GPL-2.0-or-later AND {house.id}"
    assert found.references == {house.id: house, other.id: other}


def test_the_same_name_with_another_text_is_another_licence() -> None:
    assert Reference("custom", "one").id != Reference("custom", "two").id
    assert Reference("a b/c", "").id.startswith("LicenseRef-a-b-c-")
    assert Reference("!", "").id.startswith("LicenseRef-unnamed-")


@pytest.mark.parametrize("text", ["This package was debianized by somebody.\n", "", None])
def test_what_is_not_machine_readable_states_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "copyright").write_text(text, encoding="utf-8")
    assert read_copyright(tmp_path / "copyright") == NONE_STATED
    assert NONE_STATED.expression == UNKNOWN


def test_a_licence_without_a_text(tmp_path: Path) -> None:
    text = COPYRIGHT.replace("License: other-rules\n Other rules.\n", "")
    (tmp_path / "copyright").write_text(text, encoding="utf-8")
    texts = [reference.text for reference in read_copyright(tmp_path / "copyright").references.values()]
    assert "The copyright file has no text of its own for other-rules." in texts


def test_licences_are_read_as_they_were_written(tmp_path: Path) -> None:
    reference = Reference("a", "text")
    licences = {"p": Declared(reference.id, {reference.id: reference}), "q": NONE_STATED}
    write_licences(tmp_path, licences)
    assert read_licences(tmp_path) == licences


def test_the_listing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = {"licences": {"b": UNKNOWN, "a": "MIT"}, "packages": {"a": "1", "b": "2"}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert edgelinux("licences", str(tmp_path)) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [["PACKAGE", "VERSION", "LICENCE"], ["a", "1", "MIT"], ["b", "2", "NOASSERTION"]]
    assert " ".join(lines[3]).startswith("2 packages, 1 of which state nothing")
    assert edgelinux("licences", str(tmp_path), "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0] == {"package": "a", "version": "1", "licence": "MIT"}


def test_a_listing_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("licences", str(tmp_path)) == 1
    assert "build first" in capsys.readouterr().err
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    assert edgelinux("licences", str(tmp_path)) == 1
    assert "states no licences (build again)" in capsys.readouterr().err
