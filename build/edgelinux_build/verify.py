"""Checks a directory of build outputs: signature, checksums, sizes, and whether its files agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from .inputs import hash_file
from .outputs import MANIFEST, PUBLIC_KEY, SIGNATURE, SUMS, TIMINGS, read_sums, sbom_name
from .signing import check_signature

__all__ = ["UNTRUSTED", "WRONG", "Finding", "exit_code", "verify"]

WRONG = 1
"""Exit code when a file is not what it should be."""
UNTRUSTED = 6
"""Exit code when all files agree, but nobody that is known vouches for them."""

_UNSUMMED = (SUMS, SIGNATURE, PUBLIC_KEY, TIMINGS)


@dataclass(frozen=True)
class Finding:
    """What is to be said about one file."""

    name: str
    good: bool
    says: str
    signature: bool = False
    """Whether it is about who vouches, not about what is there."""


def verify(folder: Path, key: str = "") -> list[Finding]:
    """Check all files of a directory; `key` as for `signing.check_signature`. Raises EdgeLinuxError."""
    try:
        sums = read_sums(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EdgeLinuxError(
            f"{folder} has no {SUMS}", hint="name the directory of a build's outputs"
        ) from error
    return [
        _signature(folder, key),
        *(_sum(folder, name, digest) for name, digest in sums.items()),
        *_manifest(folder, sums),
        *_unlisted(folder, sums),
    ]


def exit_code(findings: list[Finding]) -> int:
    """Return 0, WRONG or UNTRUSTED."""
    bad = [finding for finding in findings if not finding.good]
    if any(not finding.signature for finding in bad):
        return WRONG
    return UNTRUSTED if bad else 0


def _signature(folder: Path, key: str) -> Finding:
    if not (folder / SIGNATURE).is_file():
        return Finding(SUMS, False, f"not signed: there is no {SIGNATURE}", signature=True)
    checked = check_signature(folder / SUMS, folder / SIGNATURE, key, folder / PUBLIC_KEY)
    return Finding(SUMS, checked.good, checked.says, signature=True)


def _sum(folder: Path, name: str, digest: str) -> Finding:
    if Path(name).name != name:
        return Finding(name, False, f"{SUMS} must list files of this directory only")
    path = folder / name
    if not path.is_file():
        return Finding(name, False, "missing")
    if hash_file(path) != digest:
        return Finding(name, False, f"changed: its SHA-256 is not the one in {SUMS}")
    return Finding(name, True, "as its checksum says")


def _manifest(folder: Path, sums: Mapping[str, str]) -> Iterator[Finding]:
    """Hold the manifest against the ISO it speaks of, and the bill of materials against both."""
    if MANIFEST not in sums:
        yield Finding(MANIFEST, False, f"{SUMS} does not list it")
        return
    manifest = _load(folder / MANIFEST)
    try:
        iso = manifest["iso"]
        name, size, digest = str(iso["name"]), int(iso["size"]), str(iso["sha256"])
    except (KeyError, TypeError, ValueError):
        yield Finding(MANIFEST, False, "does not say which ISO it is about")
        return
    path = folder / name
    if path.is_file() and path.stat().st_size != size:
        yield Finding(name, False, f"has {path.stat().st_size} bytes, {MANIFEST} says {size}")
    if sums.get(name) != digest:
        yield Finding(MANIFEST, False, f"speaks of another {name}: its SHA-256 is not the one in {SUMS}")
    if sbom_name(name) in sums and digest not in _checksums(_load(folder / sbom_name(name))):
        yield Finding(sbom_name(name), False, f"speaks of another {name}: it does not have its SHA-256")


def _checksums(sbom: Any) -> set[str]:
    packages = sbom.get("packages", []) if isinstance(sbom, dict) else []
    return {row.get("checksumValue", "") for package in packages for row in package.get("checksums", [])}


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _unlisted(folder: Path, sums: Mapping[str, str]) -> Iterator[Finding]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in sums and path.name not in _UNSUMMED:
            yield Finding(path.name, False, f"not listed in {SUMS}")
