"""Makes the extract of CentOS Stream 9's metadata that the tests ask: run it when an image, or a build host,
wants other names.

    python -m tests.unit.build.stream9.extract FOLDER

FOLDER has `baseos/` and `appstream/`, each with the repodata/ of the real repository (the newest are below
https://mirror.stream.centos.org/9-stream/). Of all packages those stay that are called, or provide, what the
RPM bases and a build host want; of a package its name, versions and what it provides but libraries.
"""

from __future__ import annotations

import gzip
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from edgelinux_build.antlet_templates import load_templates
from edgelinux_build.images import Base, Image, load_bases, load_image
from edgelinux_build.wanted import wanted_by_template, wanted_packages

from tests.unit.build.setup_script import load_setup_host
from tests.unit.build.stub_repository import Stub, write_repository

__all__ = ["FOLDER", "REPOSITORIES", "all_wanted", "names_by_repository"]

FOLDER = Path(__file__).parent
REPOSITORIES = ("baseos", "appstream")
_ROOT = FOLDER.parents[3]
_COMMON = "{http://linux.duke.edu/metadata/common}"
_RPM = "{http://linux.duke.edu/metadata/rpm}"


def _wanted() -> set[str]:
    image = load_image(_ROOT, "edgelinux")
    bases = [base for base in load_bases(_ROOT) if base.mirrors.repositories]
    # Of `name = version` the name: what versions there are is part of the extract.
    of_images = {name.split()[0] for base in bases for name in all_wanted(image, base)}
    return of_images.union(*_of_build_hosts())


def _of_build_hosts() -> Iterator[tuple[str, ...]]:
    setup_host = load_setup_host()
    yield (setup_host.NEWER_PYTHON,)
    for line in setup_host.translations(setup_host.REDHAT_PACKAGES.read_text(encoding="utf-8")):
        yield line.names


def names_by_repository(source: Path) -> dict[str, set[str]]:
    """Return what the packages of each repository are called; `source` has its folder, as FOLDER does."""
    found: dict[str, set[str]] = {}
    for name in REPOSITORIES:
        (primary,) = (source / name / "repodata").glob("*primary.xml*")
        found[name] = {stub.name for stub in _packages(primary, set())}
    return found


def all_wanted(image: Image, base: Base) -> list[str]:
    """Return what the image and all antlet templates want of a base."""
    names = [wanted.name for wanted in wanted_packages(_ROOT, image, base)]
    for template in load_templates(_ROOT):
        names += wanted_by_template(_ROOT, image, base, template) or ()
    return names


def _packages(primary: Path, wanted: set[str]) -> Iterator[Stub]:
    with gzip.open(primary) as file:
        for _, element in ElementTree.iterparse(file):  # noqa: S314  (whoever runs it chose the file)
            if element.tag == f"{_COMMON}package":
                yield _stub(element, wanted)
                element.clear()


def _stub(element: ElementTree.Element, wanted: set[str]) -> Stub:
    version = element.find(f"{_COMMON}version")
    assert version is not None
    return Stub(
        element.findtext(f"{_COMMON}name", ""),
        version.get("ver", ""),
        version.get("rel", ""),
        version.get("epoch", "0"),
        element.findtext(f"{_COMMON}arch", ""),
        tuple(_provides(element, wanted)),
    )


def _provides(element: ElementTree.Element, wanted: set[str]) -> Iterator[str]:
    name = element.findtext(f"{_COMMON}name", "")
    for entry in element.iterfind(f".//{_RPM}provides/{_RPM}entry"):
        provided, version = entry.get("name", ""), entry.get("ver")
        special = "(" in provided or ".so" in provided
        if provided == name or (special and provided not in wanted):
            continue
        release = f"-{entry.get('rel')}" if entry.get("rel") else ""
        yield f"{provided} = {entry.get('epoch', '0')}:{version}{release}" if version else provided


def _newest(stubs: list[Stub]) -> list[Stub]:
    """Keep one of several of the same name: repositories list older ones first."""
    kept = {(stub.name, stub.arch): stub for stub in stubs}
    return sorted(kept.values(), key=lambda stub: (stub.name, stub.arch))


def main(source: Path) -> None:
    """Write the extract."""
    wanted = _wanted()
    for name in REPOSITORIES:
        (primary,) = (source / name / "repodata").glob("*primary.xml.gz")
        kept = [
            stub
            for stub in _packages(primary, wanted)
            if stub.arch in ("x86_64", "noarch")
            and not wanted.isdisjoint({stub.name, *(text.split()[0] for text in stub.provides)})
        ]
        write_repository(FOLDER / name, _newest(kept))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
