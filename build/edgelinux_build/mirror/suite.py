"""The signed indexes of an apt archive: InRelease and Packages, as they are and as they are read.

The formats are those of https://wiki.debian.org/DebianRepository/Format and deb-control(5).
"""

from __future__ import annotations

import bz2
import email.utils
import gzip
import http.client
import lzma
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Deb822
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_installer.web import open_web, trouble

from edgelinux_build.apt import parse_deb822, parse_one_line
from edgelinux_build.images import Base
from edgelinux_build.mirrors import NO_MIRROR
from edgelinux_build.process import NOT_SET_UP
from edgelinux_build.tree import fill
from edgelinux_build.verify import UNTRUSTED

__all__ = ["IndexFile", "Release", "Suite", "fetch_release", "read_release", "stanzas", "suites_of"]

ARCHIVE = "archive"
SECURITY = "archive-security"
"""Named as the security archive beside an archive is, so that builds find it there by themselves."""
_SUFFIXES = (".xz", ".bz2", ".gz", "")
_LANGUAGE = "en"
"""Of the descriptions, where the locale is C (apt.conf(5), Acquire::Languages)."""


@dataclass(frozen=True)
class Suite:
    """A suite of an archive, with the components that the base takes packages from."""

    repository: str
    """ARCHIVE or SECURITY."""
    name: str
    components: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where its indexes lie, below the archive."""
        return f"dists/{self.name}"


@dataclass(frozen=True)
class IndexFile:
    """A file that InRelease vouches for."""

    path: str
    """Below the suite's folder."""
    size: int
    sha256: str

    @property
    def by_hash(self) -> str:
        """Its other name, which stays when the suite is renewed."""
        return f"{self.path.rpartition('/')[0]}/by-hash/SHA256/{self.sha256}"


@dataclass(frozen=True)
class Release:
    """What InRelease says, once its signature was found good."""

    suite: Suite
    fields: Mapping[str, str]
    files: Mapping[str, IndexFile]

    @property
    def by_hash(self) -> bool:
        """Whether files are there by their hashes, too."""
        return self.fields.get("Acquire-By-Hash", "") == "yes"

    @property
    def valid_until(self) -> str:
        """The day after which apt does not take it any more; empty for never."""
        said = self.fields.get("Valid-Until", "")
        return email.utils.parsedate_to_datetime(said).date().isoformat() if said else ""

    def packages(self, arch: str) -> list[IndexFile]:
        """Return the package indexes of the suite's components; raises EdgeLinuxError."""
        found = [self._packages(component, arch) for component in self.suite.components]
        if "all" in self.fields.get("Architectures", "").split() and (
            "Packages" not in self.fields.get("No-Support-for-Architecture-all", "")
        ):
            found += [self._packages(component, "all") for component in self.suite.components]
        return found

    def indexes(self, arch: str) -> list[IndexFile]:
        """Return all that apt fetches: it takes it amiss when a translation is not there that is listed."""
        stems = (f"{component}/i18n/Translation-{_LANGUAGE}" for component in self.suite.components)
        return [*self.packages(arch), *(found for stem in stems if (found := self._smallest(stem)))]

    def _smallest(self, stem: str) -> IndexFile | None:
        listed = (self.files.get(f"{stem}{suffix}") for suffix in _SUFFIXES)
        return next((file for file in listed if file), None)

    def _packages(self, component: str, arch: str) -> IndexFile:
        stem = f"{component}/binary-{arch}/Packages"
        if found := self._smallest(stem):
            return found
        raise EdgeLinuxError(f"suite {self.suite.name} of the archive has no {stem}")


def suites_of(base: Base) -> tuple[Suite, ...]:
    """Return the suites that the base takes packages from, the one it is bootstrapped from first."""
    values = {"archive": ARCHIVE, "security": SECURITY}
    found = [
        source
        for path, text in base.packages.sources.items()
        for source in (parse_deb822 if path.endswith(".sources") else parse_one_line)(fill(text, values))
    ]
    return tuple(Suite(source.uri, source.suite, source.components) for source in found)


def fetch_release(url: str, suite: Suite, keyring: Path, path: Path) -> Release:
    """Fetch InRelease of a suite into a file, byte for byte; raises EdgeLinuxError.

    `url` is the archive's.
    """
    address = f"{url}/{suite.folder}/InRelease"
    try:
        with open_web(address) as answer:
            content = answer.read()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise EdgeLinuxError(
            f"cannot fetch {address}: {trouble(error).reason}", hint="run again", exit_code=NO_MIRROR
        ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return read_release(suite, keyring, path)


def read_release(suite: Suite, keyring: Path, path: Path) -> Release:
    """Read InRelease, of which only what is signed counts; raises EdgeLinuxError."""
    fields = Deb822(_signed(suite, keyring, path).splitlines())
    files = {}
    for line in fields.get("SHA256", "").splitlines():
        words = line.split()
        if len(words) == 3 and words[1].isdigit() and ".." not in words[2].split("/"):
            files[words[2]] = IndexFile(words[2], int(words[1]), words[0])
    return Release(suite, {str(key): str(value) for key, value in fields.items()}, files)


def _signed(suite: Suite, keyring: Path, path: Path) -> str:
    if not keyring.is_file():
        raise EdgeLinuxError(
            f"there is no {keyring}, which has the archive's keys",
            hint=NOT_SET_UP,
        )
    argv: list[str | Path] = ["gpgv", "--status-fd", "2", "--keyring", keyring, "--output", "-", path]
    done = run(argv, check=False)
    status = [line.split()[1:] for line in done.stderr.splitlines() if line.startswith("[GNUPG:] ")]
    words = {row[0] for row in status}
    # Suites carry several signatures, of old and new keys: one that is known will do, as apt has it.
    if "VALIDSIG" not in words or "BADSIG" in words:
        unknown = ", ".join(row[1] for row in status if row[0] in ("NO_PUBKEY", "BADSIG"))
        raise EdgeLinuxError(
            f"InRelease of suite {suite.name} is not signed with {keyring}: {unknown or 'none at all'}",
            hint="is it the right archive, and whole?",
            exit_code=UNTRUSTED,
        )
    return done.stdout


def stanzas(path: Path, names: Collection[str], priority: str = "") -> Iterator[Mapping[str, str]]:
    """Yield the fields of packages of these names, and of those with a priority, from a Packages file."""
    wanted = set(names)
    mark = f"\nPriority: {priority}\n" if priority else ""
    for text in _text(path).split("\n\n"):
        match = re.match(r"\s*Package: (\S+)", text)
        if match and (match[1] in wanted or (mark and mark in f"{text}\n")):
            yield {str(key): str(value) for key, value in Deb822(text.splitlines()).items()}


def _text(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".xz":
        content = lzma.decompress(content)
    elif path.suffix == ".bz2":
        content = bz2.decompress(content)
    elif path.suffix == ".gz":
        content = gzip.decompress(content)
    return content.decode("utf-8", "replace")
