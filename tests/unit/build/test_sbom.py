from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgelinux_build.archive import ArchivePackage, to_json, write_index
from edgelinux_build.cache import Result
from edgelinux_build.contents import components, lock_status
from edgelinux_build.debs import MAINTAINER
from edgelinux_build.images import PyPiPackage
from edgelinux_build.licences import Declared, Reference, write_licences
from edgelinux_build.sbom import Component, Medium, document, write_sbom
from edgelinux_build.stage import Project
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.unit.build.fakes import make_lock

MEDIUM = Medium("small-1-base-1.iso", "Small OS", "1", "a" * 64, "GPL-2.0-or-later")
RULES = Reference("house-rules", "Do as you like in this house.\n\nBut <not> too much.")


def archived(name: str, version: str = "1:2-3", **more: str) -> ArchivePackage:
    fields = {
        "architecture": "amd64",
        "sha256": "b" * 64,
        "path": f"pool/{name}.deb",
        "source": "small",
        "source_version": "2-3",
        "maintainer": 'Small "Tools" Team <team@example.org>',
        "homepage": "https://example.org/",
    }
    return ArchivePackage(name=name, version=version, **{**fields, **more})


def image(project: Project, folder: Path) -> tuple[list[Component], Project]:
    """An image with one package of each kind: the archive's, its own, PyPI's, and compiled modules."""
    spec = PyPiPackage(name="click", version="8", package="python3-click")
    project_base = project.base.model_copy(update={"pypi": (spec,)})
    write_index(
        folder,
        [archived("libfoo++1"), archived("zfs"), archived("own", "1", maintainer=MAINTAINER, sha256="")],
    )
    licences = {
        "libfoo++1": Declared(f"GPL-2.0-or-later AND (MIT OR {RULES.id})", {RULES.id: RULES}),
        "zfs": Declared("CDDL-1.0"),
    }
    write_licences(folder, licences)
    zfs = {"kernel": "6.1", "zfs": "2.3", "packages": to_json([archived("zfs-source"), archived("cc")])}
    installed = {"libfoo++1": "1:2-3", "zfs": "1:2-3", "own": "1", "agent": "1.2.3", "python3-click": "8"}
    return components(project_base, installed, folder, zfs), project


def written(parts: list[Component], path: Path, epoch: int = 1_700_000_000) -> dict[str, Any]:
    write_sbom(document(MEDIUM, parts, "edgelinux-1", epoch), path)
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def test_the_document_is_valid_spdx(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "small.spdx.json"
    written(image(project, tmp_path)[0], path)
    messages = validate_full_spdx_document(parse_file(str(path)))
    assert [message.validation_message for message in messages] == []


def test_what_is_said_of_each_kind_of_package(project: Project, tmp_path: Path) -> None:
    data = written(image(project, tmp_path)[0], tmp_path / "small.spdx.json")
    rows = {row["name"]: row for row in data["packages"]}
    foo = rows["libfoo++1"]
    assert foo["checksums"] == [{"algorithm": "SHA256", "checksumValue": "b" * 64}]
    assert foo["supplier"] == "Organization: Small Tools Team (team@example.org)"
    assert foo["packageFileName"] == "libfoo++1.deb"
    assert foo["sourceInfo"] == "built from source package small 2-3"
    assert foo["licenseDeclared"] == f"GPL-2.0-or-later AND (MIT OR {RULES.id})"
    purl = "pkg:deb/base/libfoo%2B%2B1@1%3A2-3?arch=amd64"
    assert foo["externalRefs"][0]["referenceLocator"] == purl
    assert rows["agent"]["licenseDeclared"] == "GPL-2.0-or-later"
    assert rows["own"]["supplier"].startswith(("Person: edgeLinux", "Organization: edgeLinux"))
    assert rows["click"]["externalRefs"][0]["referenceLocator"] == "pkg:pypi/click@8"
    assert rows["zfs-modules"]["licenseDeclared"] == "CDDL-1.0 AND GPL-2.0-or-later"
    assert rows["Small OS"]["checksums"][0]["checksumValue"] == "a" * 64
    assert data["hasExtractedLicensingInfos"] == [
        {"extractedText": RULES.text, "licenseId": RULES.id, "name": "house-rules"}
    ]
    assert "cc" not in rows, "what compiles is not in the image"


def test_what_contains_and_what_was_generated_from_what(project: Project, tmp_path: Path) -> None:
    data = written(image(project, tmp_path)[0], tmp_path / "small.spdx.json")
    names = {row["SPDXID"]: row["name"] for row in data["packages"]}
    found = {
        (names.get(row["spdxElementId"], ""), row["relationshipType"], names[row["relatedSpdxElement"]])
        for row in data["relationships"]
        if row["relatedSpdxElement"] in names
    }
    contained = {part for medium, relation, part in found if relation == "CONTAINS"}
    assert contained == {"libfoo++1", "zfs", "own", "agent", "python3-click", "zfs-modules"}
    assert ("zfs-modules", "GENERATED_FROM", "zfs-source") in found
    assert ("python3-click", "GENERATED_FROM", "click") in found
    assert ("", "DESCRIBES", "Small OS") in found or data["documentDescribes"] == ["SPDXRef-medium"]


def test_the_same_image_gives_the_same_document(project: Project, tmp_path: Path) -> None:
    parts, _ = image(project, tmp_path)
    one, two = tmp_path / "one.spdx.json", tmp_path / "two.spdx.json"
    data = written(parts, one)
    written(list(reversed(parts)), two)
    assert one.read_bytes() == two.read_bytes()
    assert data["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    other = written(parts[1:], two)
    assert other["documentNamespace"] != data["documentNamespace"]


def test_what_the_manifest_says_of_the_lock(project: Project, tmp_path: Path) -> None:
    write_index(tmp_path, [archived("a", "2")])
    index = Result("package-index", "key", tmp_path, "key")
    zfs = Result("zfs-modules", "key", tmp_path, "key", facts={"packages": to_json([archived("cc", "14")])})
    assert lock_status(project, index, zfs) == {"used": False, "sha256": "", "differences": []}
    lock = make_lock(
        project, packages={"a": archived("a", "1").locked}, zfs={"cc": archived("cc", "14").locked}
    )
    status = lock_status(replace(project, lock=lock), index, zfs)
    assert status["differences"] == ["a 1 is locked, found 2"]
    assert status["sha256"] == lock.digest
    assert status["used"] is False
