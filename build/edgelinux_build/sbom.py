"""The software bill of materials: SPDX 2.3, one document for each ISO.

https://spdx.github.io/spdx-spec/v2.3/. The same ISO gives the same document: its time is the build's epoch,
its namespace comes from its contents.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    Checksum,
    ChecksumAlgorithm,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    ExtractedLicensingInfo,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)
from spdx_tools.spdx.writer.write_anything import write_file

from .archive import ArchivePackage
from .inputs import key_of
from .licences import NONE_STATED, UNKNOWN, Declared, Reference, spdx_licensing

__all__ = ["Component", "Medium", "archive_component", "document", "for_another_medium", "write_sbom"]

_GROUP = re.compile(r"team|group|maintainers|project|lists\.|developers", re.I)
_MEDIUM = "SPDXRef-medium"


@dataclass(frozen=True)
class Component:
    """A part of the image."""

    name: str
    version: str
    licence: Declared = NONE_STATED
    sha256: str = ""
    """Of the package file."""
    file: str = ""
    """The package file's name."""
    supplier: str = ""
    """`Name <address>`"""
    homepage: str = ""
    source: str = ""
    """What it is built from, in words."""
    purl: str = ""
    made_from: Component | None = None
    """What it was generated from, when that is not in the image itself."""
    within: str = ""
    """The antlet template that it is in; empty for the host."""


@dataclass(frozen=True)
class Medium:
    """The ISO that the document describes."""

    name: str
    """Its file name."""
    product: str
    version: str
    sha256: str
    licence: str


def archive_component(package: ArchivePackage, licence: Declared, purl: str) -> Component:
    """Return a package of the base's archive as a component."""
    return Component(
        name=package.name,
        version=package.version,
        licence=licence,
        sha256=package.sha256,
        file=Path(package.path).name,
        supplier=package.maintainer,
        homepage=package.homepage,
        source=f"built from source package {package.source} {package.source_version}",
        purl=purl,
    )


def document(medium: Medium, components: Iterable[Component], tool: str, epoch: int) -> Document:
    """Return the document that says what is on a medium; `tool` is `name-version`."""
    parts = sorted(components, key=lambda part: (part.within, part.name, part.version))
    name = Path(medium.name).stem
    digest = key_of({"medium": repr(medium), "parts": [repr(part) for part in parts], "epoch": epoch})
    packages, relations = [_medium(medium)], [_describes()]
    references: dict[str, Reference] = {}
    for part in parts:
        packages.append(_package(part))
        relations.append(Relationship(_MEDIUM, RelationshipType.CONTAINS, _id(part)))
        references.update(part.licence.references)
        if part.made_from:
            packages.append(_package(part.made_from))
            references.update(part.made_from.licence.references)
            relations.append(Relationship(_id(part), RelationshipType.GENERATED_FROM, _id(part.made_from)))
    creation = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id="SPDXRef-DOCUMENT",
        name=name,
        # The form that SPDX recommends to those who publish no documents by address.
        document_namespace=f"https://spdx.org/spdxdocs/{name}-{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        creators=[Actor(ActorType.TOOL, tool)],
        # The writer appends the Z.
        created=datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None),
    )
    licences = [
        ExtractedLicensingInfo(license_id=id, license_name=reference.name, extracted_text=reference.text)
        for id, reference in sorted(references.items())
    ]
    return Document(creation, packages, relationships=relations, extracted_licensing_info=licences)


def write_sbom(document: Document, path: Path) -> None:
    """Write a document as JSON; unchecked, since the checks take longer than the ISO."""
    write_file(document, str(path), validate=False)


def for_another_medium(text: str, file_name: str, sha256: str) -> str:
    """Return a document for another ISO of the same system: name, checksum and namespace become its own."""
    found = json.loads(text)
    name = Path(file_name).stem
    unique = uuid.uuid5(uuid.NAMESPACE_OID, f"{found['documentNamespace']} {file_name} {sha256}")
    found |= {"name": name, "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{unique}"}
    for package in found["packages"]:
        if package["SPDXID"] == _MEDIUM:
            package["packageFileName"] = file_name
            package["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    return json.dumps(found, indent=4)


def _describes() -> Relationship:
    return Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, _MEDIUM)


def _medium(medium: Medium) -> Package:
    return Package(
        spdx_id=_MEDIUM,
        name=medium.product,
        version=medium.version,
        file_name=medium.name,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, medium.sha256)],
        license_concluded=SpdxNoAssertion(),
        license_declared=SpdxNoAssertion(),
        license_comment=f"The packages' own, listed with each; what this project adds is {medium.licence}.",
        copyright_text=SpdxNoAssertion(),
        primary_package_purpose=PackagePurpose.OPERATING_SYSTEM,
    )


def _package(part: Component) -> Package:
    stated = part.licence.expression
    return Package(
        spdx_id=_id(part),
        name=part.name,
        version=part.version,
        file_name=part.file or None,
        supplier=_actor(part.supplier),
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, part.sha256)] if part.sha256 else [],
        homepage=part.homepage if re.match(r"https?://\S+$", part.homepage) else None,
        source_info=_source(part) or None,
        license_concluded=SpdxNoAssertion(),
        license_declared=SpdxNoAssertion() if stated == UNKNOWN else spdx_licensing().parse(stated),
        copyright_text=SpdxNoAssertion(),
        external_references=[*_purl(part)],
    )


def _source(part: Component) -> str:
    return f"{part.source}; in the antlet template {part.within}" if part.within else part.source


def _purl(part: Component) -> Iterator[ExternalPackageRef]:
    if part.purl:
        yield ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", part.purl)


def _id(part: Component) -> str:
    kind = "pypi" if part.purl.startswith("pkg:pypi/") else "package"
    name = f"{part.within}-{part.name}" if part.within else part.name
    return f"SPDXRef-{kind}-{re.sub(r'[^A-Za-z0-9.]', '-', name.replace('+', 'plus'))}"


def _actor(text: str) -> Actor | SpdxNoAssertion:
    match = re.fullmatch(r"\s*(.+?)\s*<([^<>]+)>\s*", text)
    if not match:
        return SpdxNoAssertion()
    kind = ActorType.ORGANIZATION if _GROUP.search(text) else ActorType.PERSON
    return Actor(kind, match[1].replace('"', ""), match[2])
