"""Finds the mirror that a base is built from: the environment's, the build host's own, or the base's list."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from edgelinux_hostd.errors import EdgeLinuxError

from .apt import host_sources, uris
from .images import Base, Image
from .repositories import Repository, variable_of

__all__ = ["NO_MIRROR", "MirrorUrls", "choose_base", "file_of", "find_mirrors", "probe"]

NO_MIRROR = 4
"""Exit code when no mirror answers."""

_TIMEOUT = 8.0
_ARCHIVE = "EDGELINUX_MIRROR"
_SECURITY = "EDGELINUX_SECURITY_MIRROR"

Probe = Callable[[str], str]


@dataclass(frozen=True)
class MirrorUrls:
    """URLs of a base's archives; `security` is empty when the base has none."""

    archive: str
    security: str = ""
    repositories: Mapping[str, str] = field(default_factory=dict)
    """Of the RPM repositories, by id; `archive` is the first of them then."""
    own: Path | None = None
    """Directory of a further repository, of packages that are made from this project for the build alone."""


def file_of(url: str) -> Path | None:
    """Return what a file URL (RFC 8089) names on this machine; None for any other URL."""
    return Path(unquote(url.removeprefix("file://"))) if url.startswith("file:///") else None


def probe(url: str) -> str:
    """Ask for a URL; returns "" when it is there, else why it is not."""
    if file := file_of(url):
        return "" if file.is_file() else "there is no such file"
    if not url.startswith(("http://", "https://")):
        return "not an http URL"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 checked above
            answer.read(1)
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        return str(getattr(error.reason, "strerror", None) or error.reason)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return ""


def find_mirrors(
    base: Base,
    *,
    environ: Mapping[str, str] | None = None,
    host: Callable[[], Sequence[str]] = lambda: uris(host_sources()),
    probe: Probe = probe,
) -> MirrorUrls:
    """Return the first mirror that answers; raises EdgeLinuxError that names all that were tried, and why."""
    environ = os.environ if environ is None else environ
    if base.mirrors.repositories:
        urls = {
            repository.id: _repository(base, repository, environ, probe)
            for repository in base.mirrors.repositories
        }
        return MirrorUrls(next(iter(urls.values())), repositories=urls)
    override = environ.get(_ARCHIVE, "").rstrip("/")
    candidates = [override] if override else [*(host() if base.mirrors.kind == "apt" else base.mirrors.urls)]
    archive = _first(base, candidates, base.mirrors.probe, _ARCHIVE, probe)
    if not base.mirrors.security_probe:
        return MirrorUrls(archive)
    override = environ.get(_SECURITY, "").rstrip("/")
    # A mirror of the archive usually has the security archive beside it, under this name.
    twins = [f"{archive}-security", *(url for url in candidates if url != archive)]
    security = _first(base, [override] if override else twins, base.mirrors.security_probe, _SECURITY, probe)
    return MirrorUrls(archive, security)


def _repository(base: Base, repository: Repository, environ: Mapping[str, str], probe: Probe) -> str:
    variable = variable_of(repository)
    url = environ.get(variable, "").rstrip("/") or repository.url
    if url.startswith("/"):
        # Quoted, since dnf takes a blank for the end of a URL.
        url = Path(url).as_uri()
    if answer := probe(f"{url}/{base.mirrors.probe}"):
        raise EdgeLinuxError(
            f"no mirror of {base.label} answers: {url}: {answer}",
            hint=f"check the network, or set {variable} to the URL or the directory of a mirror of "
            f"{repository.id} that has {base.mirrors.probe}",
            exit_code=NO_MIRROR,
        )
    return url


def _first(base: Base, urls: Sequence[str], path: str, variable: str, probe: Probe) -> str:
    tried: list[str] = []
    for url in urls:
        answer = probe(f"{url}/{path}")
        if not answer:
            return url
        tried.append(f"{url}: {answer}")
    what = "; ".join(tried) or "the build host's configuration names none"
    raise EdgeLinuxError(
        f"no mirror of {base.label} answers: {what}",
        hint=f"check the network, or set {variable} to the URL of a mirror that has {path}",
        exit_code=NO_MIRROR,
    )


def choose_base(
    image: Image,
    bases: Sequence[Base],
    wanted: str,
    find: Callable[[Base], object] = find_mirrors,
) -> tuple[Base, str]:
    """Return the base to build on and why; `bases` come the most preferred first, `wanted` may be `auto`.

    Raises EdgeLinuxError.
    """
    possible = [base for base in bases if not image.bases or base.name in image.bases]
    names = ", ".join(base.name for base in possible) or "none"
    if wanted != "auto":
        for base in possible:
            if base.name == wanted:
                return base, "named by --base"
        raise EdgeLinuxError(f"{image.name} has no base {wanted!r}", hint=f"known: {names}", exit_code=2)
    possible = [base for base in possible if base.preference is not None]
    if not possible:
        raise EdgeLinuxError(f"{image.name} has no base to build on", exit_code=2)
    passed_over: list[str] = []
    for base in possible[:-1]:
        try:
            find(base)
        except EdgeLinuxError as error:
            passed_over.append(error.message)
            continue
        return base, "the preferred base whose mirror answers"
    # The last one is taken without asking: whether its mirror answers matters only if packages are needed.
    last = possible[-1]
    return last, "; ".join(passed_over) or "the only base that is taken unless another is named"
