"""RPM repositories without packages: the metadata (createrepo_c's format) are all that a check reads."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

__all__ = ["Advisory", "Stub", "write_primary", "write_repository"]

_COMMON = "http://linux.duke.edu/metadata/common"
_RPM = "http://linux.duke.edu/metadata/rpm"
_REPO = "http://linux.duke.edu/metadata/repo"


@dataclass(frozen=True)
class Stub:
    """A package of which there is a name."""

    name: str
    version: str = "1"
    release: str = "1"
    epoch: str = "0"
    arch: str = "x86_64"
    provides: tuple[str, ...] = ()
    """Each `name` or `name = version`."""

    @property
    def file(self) -> str:
        """What its package file would be called."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


@dataclass(frozen=True)
class Advisory:
    """An erratum for one package."""

    identifier: str
    package: Stub
    kind: str = "security"


def write_repository(folder: Path, stubs: Sequence[Stub], advisories: Sequence[Advisory] = ()) -> Path:
    """Write repodata/ below a directory; returns the directory."""
    write_primary(folder, _primary(stubs), {"updateinfo": _updateinfo(advisories)} if advisories else {})
    return folder


def write_primary(folder: Path, primary: str, others: dict[str, str] | None = None) -> None:
    """Write repodata/ with this primary.xml; the same text gives the same bytes."""
    repodata = folder / "repodata"
    repodata.mkdir(parents=True, exist_ok=True)
    rows = [_metadata(repodata, kind, text) for kind, text in {"primary": primary, **(others or {})}.items()]
    text = "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', f'<repomd xmlns="{_REPO}">', *rows, "</repomd>"]
    )
    (repodata / "repomd.xml").write_text(text + "\n", encoding="utf-8")


def _metadata(repodata: Path, kind: str, text: str) -> str:
    plain = text.encode()
    packed = gzip.compress(plain, mtime=0)
    (repodata / f"{kind}.xml.gz").write_bytes(packed)
    return (
        f'<data type="{kind}"><checksum type="sha256">{hashlib.sha256(packed).hexdigest()}</checksum>'
        f'<open-checksum type="sha256">{hashlib.sha256(plain).hexdigest()}</open-checksum>'
        f'<location href="repodata/{kind}.xml.gz"/><timestamp>1</timestamp>'
        f"<size>{len(packed)}</size><open-size>{len(plain)}</open-size></data>"
    )


def _primary(stubs: Sequence[Stub]) -> str:
    rows = "\n".join(_package(stub) for stub in stubs)
    return f'<metadata xmlns="{_COMMON}" xmlns:rpm="{_RPM}" packages="{len(stubs)}">\n{rows}\n</metadata>\n'


def _package(stub: Stub) -> str:
    own = f"{stub.name} = {stub.epoch}:{stub.version}-{stub.release}"
    provides = "".join(_entry(text) for text in (own, *stub.provides))
    return (
        f"<package type='rpm'><name>{stub.name}</name><arch>{stub.arch}</arch>"
        f"<version epoch='{stub.epoch}' ver='{stub.version}' rel='{stub.release}'/>"
        f"<checksum type='sha256' pkgid='YES'>{hashlib.sha256(stub.file.encode()).hexdigest()}</checksum>"
        f"<summary>{stub.name}</summary><location href='Packages/{stub.file}'/>"
        f"<format><rpm:provides>{provides}</rpm:provides></format></package>"
    )


def _entry(text: str) -> str:
    name, _, version = text.partition(" = ")
    if not version:
        return f"<rpm:entry name={quoteattr(name)}/>"
    epoch, _, rest = version.rpartition(":")
    ver, _, rel = rest.partition("-")
    release = f" rel='{rel}'" if rel else ""
    return f"<rpm:entry name={quoteattr(name)} flags='EQ' epoch='{epoch or 0}' ver='{ver}'{release}/>"


def _updateinfo(advisories: Sequence[Advisory]) -> str:
    rows = "\n".join(
        f"<update from='x' status='final' type='{one.kind}' version='1'><id>{one.identifier}</id>"
        f"<title>{one.identifier}</title><issued date='2026-01-01 00:00:00'/><pkglist><collection short='x'>"
        f"<name>x</name><package name='{one.package.name}' version='{one.package.version}' "
        f"release='{one.package.release}' epoch='{one.package.epoch}' arch='{one.package.arch}'>"
        f"<filename>{one.package.file}</filename></package></collection></pkglist></update>"
        for one in advisories
    )
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<updates>\n{rows}\n</updates>\n"
