"""Whether RPM package files are what their repository's index says, and signed with one of its keys."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgelinux_hostd.run import run

from .package import MirrorPackage

__all__ = ["found_in", "package_problems"]

# `    Header V4 RSA/SHA256 Signature, key ID 8483c65d: OK` (rpmkeys(8); newer ones print the fingerprint)
_SIGNATURE = re.compile(r"signature, key (?:ID|fingerprint:?) ?([0-9a-f]+): (\w+)", re.IGNORECASE)
_BAD = re.compile(r": (?!OK\b)(?:BAD|NOTFOUND|NOTTRUSTED|NOKEY|[A-Z]+)\b.*$")
_KEY_ID = re.compile(r"key (?:ID|fingerprint:?) ?([0-9a-f]+)", re.IGNORECASE)
_TAGS = ("RSAHEADER", "DSAHEADER", "SIGPGP", "SIGGPG")


def package_problems(
    folder: Path, packages: Sequence[MirrorPackage], keys: Mapping[str, Path]
) -> Iterator[str]:
    """Say what is wrong with packages of one repository; `keys` are the files of its keys, by fingerprint.

    They are held against a database of keys that has these and no others, never against the host's.
    """
    if not packages:
        return
    with tempfile.TemporaryDirectory(prefix="edgelinux-rpmdb-") as scratch:
        rpm = _Rpm(Path(scratch))
        for file in keys.values():
            rpm.run("rpmkeys", "--import", file)
        files = [folder / package.path for package in packages]
        checked, described = rpm.check(files), rpm.describe(files)
    allowed = ", ".join(keys)
    for package, file in zip(packages, files, strict=True):
        found = described.get(file)
        if found is None:
            yield f"{package.what} of {package.repository} is no RPM package"
            continue
        name, evr, arch, signer = found
        if (name, evr, arch) != (package.name, package.evr, package.arch):
            yield f"{package.what} of {package.repository} is {name}-{evr}.{arch} by its own words"
        elif said := _verdict(checked.get(file, ""), signer, allowed):
            yield f"{package.what} of {package.repository} {said}"


def _verdict(text: str, signer: str, allowed: str) -> str:
    """Return what is wrong, from what rpmkeys says of one package; "" when nothing is."""
    signatures = [match[2].upper() for match in _SIGNATURE.finditer(text)]
    damaged = any("digest" in line.lower() and _BAD.search(line) for line in text.splitlines())
    if damaged or "BAD" in signatures:
        return "is damaged: its digests or its signature do not fit"
    if not signer and not signatures:
        return f"is not signed; it has to be with {allowed}"
    if not signatures or any(word != "OK" for word in signatures):
        return f"is signed with another key, {signer}; it has to be with {allowed}"
    return ""


class _Rpm:
    """rpm with a database and a home of its own."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        (scratch / "db").mkdir()

    def run(self, program: str, *arguments: str | Path, check: bool = True) -> str:
        """Run rpm or rpmkeys; gives what it printed."""
        argv: list[str | Path] = [program, "--dbpath", self._scratch / "db"]
        argv += ["--define", "_pkgverify_level all", *arguments]
        return run(argv, check=check, env={"HOME": str(self._scratch)}).stdout

    def check(self, files: Sequence[Path]) -> dict[Path, str]:
        """Return what rpmkeys says of each file."""
        said: dict[Path, str] = {}
        known = {f"{file}:": file for file in files}
        current: Path | None = None
        for line in self.run("rpmkeys", "--checksig", "--verbose", *files, check=False).splitlines():
            if line.rstrip() in known:
                current = known[line.rstrip()]
                said[current] = ""
            elif current:
                said[current] += f"{line}\n"
        return said

    def describe(self, files: Sequence[Path]) -> dict[Path, tuple[str, str, str, str]]:
        """Return name, version, architecture and the signing key's id of each file that is a package."""
        signer = " ".join(f"%|{tag}?{{%{{{tag}:pgpsig}}}}|" for tag in _TAGS)
        form = f"%{{NAME}}\\t%{{EVR}}\\t%{{ARCH}}\\t{signer}\\n"
        options = ("-qp", "--nosignature", "--queryformat", form)
        lines = self.run("rpm", *options, *files, check=False).splitlines()
        if len(lines) == len(files):
            return {file: _described(line) for file, line in zip(files, lines, strict=True)}
        # One of them is no package, and which is not said beside the others.
        each = {file: self.run("rpm", *options, file, check=False).splitlines() for file in files}
        return {file: _described(said[0]) for file, said in each.items() if said}


def _described(line: str) -> tuple[str, str, str, str]:
    name, evr, arch, signer = line.split("\t")
    key = _KEY_ID.search(signer)
    return name, evr, arch, key[1].upper() if key else ""


def found_in(files: Sequence[Path], pattern: re.Pattern[str]) -> set[str]:
    """Return what the group of a pattern matches among the paths in package files."""
    with tempfile.TemporaryDirectory(prefix="edgelinux-rpmdb-") as scratch:
        paths = _Rpm(Path(scratch)).run("rpm", "-qpl", "--nosignature", *files)
    return {match[1] for match in map(pattern.match, paths.splitlines()) if match}
