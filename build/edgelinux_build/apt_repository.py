"""Asks a base's apt archives through the build host's apt, with a configuration and a cache of its own.

apt checks the archives' signatures and how old they may be; the indexes that it has checked are read here,
as apt-cache has no question for many names at once that tells where a version comes from.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debian.debian_support import Version
from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from .available import Answer, Newest
from .failures import NO_SPACE_TEXT, cannot_write, is_full
from .images import Base
from .mirrors import NO_MIRROR, MirrorUrls
from .tree import fill
from .verify import UNTRUSTED

__all__ = ["Index", "archive_error", "ask_apt", "configuration", "prepare", "read_packages"]

_TIMEOUT = 20

# What `apt-get update` says of an archive, in the C locale.
_EXPIRED = ("is not valid yet", "is expired", "Valid-Until")
_NOT_SIGNED = ("NO_PUBKEY", "not signed", "BADSIG", "EXPKEYSIG", "signature")
_UNREACHABLE = ("Could not connect", "Could not resolve", "Connection failed", "timed out")


@dataclass(frozen=True)
class Found:
    """One package of an index."""

    name: str
    version: str
    provides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """An index, as `apt-get indextargets` prints it (apt's acquire-additional-files document)."""

    file: str
    suite: str
    url: str
    kind: str


@dataclass
class Index:
    """All packages of all archives."""

    count: int = 0
    names: set[str] = field(default_factory=set)
    provides: set[str] = field(default_factory=set)
    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Version and suite, of the packages that were asked for."""

    def add(self, packages: Iterable[Found], suite: str, asked: Mapping[str, str]) -> None:
        """Add a suite's packages."""
        for package in packages:
            self.count += 1
            self.names.add(package.name)
            self.provides.update(package.provides)
            if package.name in asked:
                self.versions.setdefault(package.name, []).append((package.version, suite))


def ask_apt(
    base: Base, mirrors: MirrorUrls, names: Sequence[str], installed: Mapping[str, str], folder: Path
) -> Answer:
    """Ask the archives at once; `folder` keeps their indexes for the next time. Raises EdgeLinuxError."""
    keyring = Path(base.mirrors.keyring)
    if not base.mirrors.keyring or not keyring.is_file():
        raise EdgeLinuxError(
            f"{base.label}: there is no keyring {base.mirrors.keyring}",
            hint=f"install the package that has the archive's keys, or mend images/bases/{base.name}.yaml",
        )
    values = {"archive": mirrors.archive, "security": mirrors.security}
    text = "".join(fill(text, values) for text in base.packages.sources.values())
    env = prepare(base, folder, re.sub(r"^deb ", f"deb [signed-by={keyring}] ", text, flags=re.MULTILINE))
    try:
        run(["apt-get", "update"], env=env)
    except CommandError as error:
        raise archive_error(error.stderr, mirrors, folder) from error
    listed = run(
        ["apt-get", "indextargets", "--format", "$(FILENAME)\t$(RELEASE)\t$(REPO_URI)\t$(CREATED_BY)"],
        env=env,
    )
    index = Index()
    targets = [Target(*line.split("\t")) for line in listed.stdout.splitlines()]
    targets = [target for target in targets if target.kind == "Packages"]
    for url in filter(None, (mirrors.archive, mirrors.security)):
        if not any(_same(target.url, url) and Path(target.file).is_file() for target in targets):
            raise EdgeLinuxError(
                f"{url} has no packages for {base.arch}", hint=f"{base.label} is built for {base.arch}"
            )
    for target in targets:
        if Path(target.file).is_file():
            with Path(target.file).open(encoding="utf-8", errors="replace") as lines:
                index.add(read_packages(lines), target.suite, installed)
    secure = {target.suite for target in targets if mirrors.security and _same(target.url, mirrors.security)}
    missing = tuple(name for name in names if name not in index.names and name not in index.provides)
    return Answer(
        repositories=tuple(dict.fromkeys(target.suite for target in targets)),
        packages=index.count,
        missing=missing,
        names=tuple(sorted(index.names)) if missing else (),
        provides=tuple(sorted(index.provides - index.names)) if missing else (),
        newest={name: newest(installed[name], found, secure) for name, found in index.versions.items()},
    )


def _plain(text: str) -> str:
    """Return text with file URLs as apt writes them."""
    return re.sub(r"file:/+", "file:/", text)


def _same(one: str, two: str) -> bool:
    return _plain(one).rstrip("/") == _plain(two).rstrip("/")


def newest(before: str, found: Sequence[tuple[str, str]], secure: set[str]) -> Newest:
    """Return the newest of some versions with their suites, by dpkg's order (deb-version(7)).

    It is marked when a suite of the security archive has a version that is newer than `before`.
    """
    version, suite = max(found, key=lambda pair: Version(pair[0]))
    mends = any(suite in secure and Version(fixed) > Version(before) for fixed, suite in found)
    order = (Version(version) > Version(before)) - (Version(version) < Version(before))
    return Newest(version, order, suite, mends)


def configuration(base: Base, folder: Path, sources: Path) -> str:
    """Return an apt.conf(5) with which apt reads nothing of the host, and downloads what is needed here."""
    values = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Etc": folder / "etc",
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::trusted": "/dev/null",
        "Dir::Etc::trustedparts": "/dev/null",
        "APT::Architecture": base.arch,
        "APT::Sandbox::User": "",
        "APT::Update::Error-Mode": "any",
        "APT::Get::List-Cleanup": "true",
        "Acquire::Languages": "none",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": _TIMEOUT,
        "Acquire::https::Timeout": _TIMEOUT,
    }
    lines = (f'{name} "{value}";\n' for name, value in values.items())
    return f'APT::Architectures {{ "{base.arch}"; }};\n' + "".join(lines)


def prepare(base: Base, folder: Path, sources: str) -> dict[str, str]:
    """Make `folder` all that apt knows; `sources` is the text of a sources.list(5). Gives apt's variables.

    Raises EdgeLinuxError when that cannot be written.
    """
    listed, conf = folder / "sources.list", folder / "apt.conf"
    try:
        for name in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        listed.write_text(sources, encoding="utf-8")
        conf.write_text(configuration(base, folder, listed), encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder, error) from error
    return {"APT_CONFIG": str(conf), "HOME": str(folder)}


def read_packages(lines: Iterable[str]) -> Iterator[Found]:
    """Read a Packages index (Debian's "RepositoryFormat"): of each paragraph what is needed here.

    A general parser of such files takes a minute for a distribution.
    """
    name = version = provides = ""
    for line in lines:
        if line == "\n":
            if name:
                yield Found(name, version, _provided(provides))
            name = version = provides = ""
        elif line.startswith("Package: "):
            name = line[9:].strip()
        elif line.startswith("Version: "):
            version = line[9:].strip()
        elif line.startswith("Provides: "):
            provides = line[10:].strip()
    if name:
        yield Found(name, version, _provided(provides))


def _provided(text: str) -> tuple[str, ...]:
    return tuple(part.split()[0] for part in text.split(",") if part.strip()) if text else ()


def archive_error(said: str, mirrors: MirrorUrls, folder: Path) -> EdgeLinuxError:
    """Return one line for what `apt-get update` said."""
    said = _plain(said)
    lines = [" ".join(line[3:].split()) for line in said.splitlines() if line.startswith(("E: ", "W: "))]
    # The archive's URL is how its -security twin's begins.
    urls = [url for url in (mirrors.security, mirrors.archive) if url]
    found = [(line, url) for line in lines for url in urls if _plain(url) in line]
    text, where = found[0] if found else ((lines or ["it said nothing"])[0], mirrors.archive)
    if NO_SPACE_TEXT in said or is_full(folder):
        return cannot_write(folder, OSError(errno.ENOSPC, NO_SPACE_TEXT))
    if "Permission denied" in said or "Read-only file system" in said:
        return cannot_write(folder, OSError(errno.EACCES, "Permission denied"))
    if any(word in said for word in _EXPIRED):
        return EdgeLinuxError(
            f"the index of {where} is out of date: {text}",
            hint="take a mirror that is in step, and look at this host's clock",
        )
    if any(word in said for word in _NOT_SIGNED):
        return EdgeLinuxError(
            f"{where} is not signed by a key of the base: {text}",
            hint="is it the right archive?",
            exit_code=UNTRUSTED,
        )
    if any(word in said for word in _UNREACHABLE):
        return EdgeLinuxError(f"no mirror answers: {text}", hint="check the network", exit_code=NO_MIRROR)
    return EdgeLinuxError(f"the index of {where} is damaged or incomplete: {text}")
