"""Asks a base's RPM repositories through the build host's dnf, with configuration and cache of its own."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from .available import Answer, Newest
from .failures import NO_SPACE_TEXT, cannot_write, is_full
from .images import Base
from .mirrors import NO_MIRROR, MirrorUrls
from .repositories import check_key, render
from .verify import UNTRUSTED

__all__ = ["Question", "ask_rpm", "details", "dnf_python", "repository_error"]

# libcurl-errors(3): CURLE_WRITE_ERROR; name not resolved, not connected, timed out
_CANNOT_WRITE = "Curl error (23)"
_UNREACHABLE = ("Curl error (6)", "Curl error (7)", "Curl error (28)")
_QUERY = Path(__file__).with_name("rpm_query.py")
_BASEARCH = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Question:
    """What rpm_query.py is asked."""

    folder: str
    """Private: `repos` in it has the configuration, all else is dnf's."""
    basearch: str
    release: str
    arches: tuple[str, ...]
    names: tuple[str, ...]
    installed: Mapping[str, str]
    """Versions, of which newer ones are asked for."""


def ask_rpm(
    root: Path,
    base: Base,
    mirrors: MirrorUrls,
    names: Sequence[str],
    installed: Mapping[str, str],
    folder: Path,
) -> Answer:
    """Ask all repositories at once; `folder` keeps their metadata for the next time. Raises EdgeLinuxError.

    All keys are looked at before anything is asked.
    """
    keys = {name: check_key(root, name, key).as_uri() for name, key in base.mirrors.keys.items()}
    python = dnf_python()
    _write_configuration(folder, render(base.mirrors.repositories, mirrors.repositories, keys))
    basearch = _BASEARCH.get(base.arch, base.arch)
    architecture = base.mirrors.architecture or basearch
    question = Question(
        folder=str(folder),
        basearch=basearch,
        release=base.release,
        arches=tuple(dict.fromkeys((architecture, basearch, "noarch"))),
        names=tuple(names),
        installed=installed,
    )
    answer = _run(python, question)
    if "broken" in answer:
        raise repository_error("", "", [answer["broken"]], folder)
    for repository, text in answer.get("failed", {}).items():
        said = [*details(answer["said"], repository), text]
        raise repository_error(repository, mirrors.repositories.get(repository, ""), said, folder)
    for repository, arches in answer.get("foreign", {}).items():
        raise EdgeLinuxError(
            f"repository {repository}: {mirrors.repositories[repository]} has packages for "
            f"{', '.join(arches)}, not for {architecture}",
            hint=f"{base.label} is built for {architecture}; name that directory of the mirror",
        )
    return Answer(
        repositories=tuple(mirrors.repositories),
        packages=answer["packages"],
        missing=tuple(answer["missing"]),
        names=tuple(answer["called"]),
        provides=tuple(answer["provides"]),
        newest={name: _newest(row) for name, row in answer["newest"].items()},
    )


def _newest(row: Mapping[str, Any]) -> Newest:
    errata = tuple(row["errata"])
    return Newest(row["version"], row["order"], row["repository"], bool(errata), errata)


def _write_configuration(folder: Path, text: str) -> None:
    try:
        for name in ("repos", "root", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "repos" / "base.repo").write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder, error) from error


def _run(python: Path, question: Question) -> dict[str, Any]:
    # dnf and rpm would read a user's own ~/.rpmmacros.
    env = {"HOME": question.folder, "TZ": "UTC"}
    try:
        done = run([python, "-I", _QUERY], stdin=json.dumps(asdict(question)), env=env)
    except CommandError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if is_full(Path(question.folder)):
            raise cannot_write(Path(question.folder), OSError(errno.ENOSPC, NO_SPACE_TEXT)) from error
        hint = "EDGELINUX_DEBUG=1 shows all of it"
        raise EdgeLinuxError(f"dnf could not be asked: {last}", hint=hint) from error
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "said": done.stderr}


def dnf_python() -> Path:
    """Return the Python that the build host's dnf runs on; raises EdgeLinuxError."""
    hint = "install what build/packages.txt lists: `make setup` does"
    found = shutil.which("dnf")
    if not found:
        raise EdgeLinuxError("cannot run dnf: no such program", hint=hint)
    with Path(found).open("rb") as file:
        first = file.readline(256).decode("utf-8", "replace").strip()
    python = Path(first.removeprefix("#!").split()[0]) if first.startswith("#!/") else None
    if python is None or not python.is_file():
        raise EdgeLinuxError(f"{found} is not dnf 4: it does not name its Python", hint=hint)
    return python


def details(said: str, repository: str) -> list[str]:
    """Return what dnf printed of a repository that it could not load: one line for each attempt."""
    found, inside = [], False
    for line in said.splitlines():
        if not line.startswith(" "):
            inside = f"'{repository}'" in line
        elif inside:
            found.append(line.strip().removeprefix("- "))
    return found


def repository_error(repository: str, url: str, texts: Sequence[str], folder: Path) -> EdgeLinuxError:
    """Return one line for what dnf said of a repository; the first of the texts is shown."""
    where = f"repository {repository}: {url}" if repository else "the repositories"
    shown, said = " ".join(texts[0].split()), " ".join(texts)
    lower = said.lower()
    if NO_SPACE_TEXT in said or _CANNOT_WRITE in said or is_full(folder):
        return cannot_write(folder, OSError(errno.ENOSPC, NO_SPACE_TEXT))
    if "gpg" in lower or "signature" in lower or "repomd.xml.asc" in lower:
        return EdgeLinuxError(
            f"{where}: its metadata are not signed by a key of the base: {shown}",
            hint="is it the right repository? Its keys are in images/bases and images/keys",
            exit_code=UNTRUSTED,
        )
    if any(error in said for error in _UNREACHABLE):
        return EdgeLinuxError(
            f"{where} does not answer: {shown}", hint="check the network", exit_code=NO_MIRROR
        )
    return EdgeLinuxError(
        f"{where}: its metadata are damaged or incomplete: {shown}",
        hint="take another mirror, or wait until this one is in step again",
    )
