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
from .gnupg import end_agents
from .images import Base
from .mirrors import NO_MIRROR, MirrorUrls
from .process import NOT_SET_UP
from .repositories import check_key, render
from .verify import UNTRUSTED

__all__ = [
    "Question",
    "architectures",
    "ask_dnf",
    "ask_rpm",
    "basearch",
    "configure",
    "details",
    "repository_error",
]

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
    configure(root, base, mirrors.repositories, folder)
    question = Question(
        folder=str(folder),
        basearch=basearch(base),
        release=base.release,
        arches=architectures(base),
        names=tuple(names),
        installed=installed,
    )
    answer = ask_dnf(_QUERY, asdict(question), folder)
    if "broken" in answer:
        raise repository_error("", "", [answer["broken"]], folder)
    for repository, text in answer.get("failed", {}).items():
        said = [*details(answer["said"], repository), text]
        raise repository_error(repository, mirrors.repositories.get(repository, ""), said, folder)
    for repository, arches in answer.get("foreign", {}).items():
        raise EdgeLinuxError(
            f"repository {repository}: {mirrors.repositories[repository]} has packages for "
            f"{', '.join(arches)}, not for {question.arches[0]}",
            hint=f"{base.label} is built for {question.arches[0]}; name that directory of the mirror",
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


def basearch(base: Base) -> str:
    """Return what dnf calls the architecture that the base is built for, in URLs too."""
    return _BASEARCH.get(base.arch, base.arch)


def architectures(base: Base) -> tuple[str, ...]:
    """Return the architectures that a package may have: the base's own, others that it runs, and none."""
    plain = basearch(base)
    return tuple(dict.fromkeys((base.mirrors.architecture or plain, plain, "noarch")))


def configure(root: Path, base: Base, urls: Mapping[str, str], folder: Path) -> None:
    """Write what dnf is to know of a base's repositories into `folder`, which is dnf's alone.

    `urls` are by id. Raises EdgeLinuxError, for keys that are not the base's, too.
    """
    keys = {name: check_key(root, name, key).as_uri() for name, key in base.mirrors.keys.items()}
    text = render(base.mirrors.repositories, urls, keys)
    try:
        for name in ("repos", "root", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "repos" / "base.repo").write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder, error) from error


def ask_dnf(script: Path, question: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Run a script of ours with dnf's own Python, and return its answer; raises EdgeLinuxError.

    `said` in the answer is what it wrote to standard error. `folder` is what `configure` wrote to.
    """
    # dnf and rpm would read a user's own ~/.rpmmacros.
    env = {"HOME": str(folder), "TZ": "UTC"}
    try:
        done = run([_dnf_python(), "-I", script], stdin=json.dumps(question), env=env)
    except CommandError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if is_full(folder):
            raise cannot_write(folder, OSError(errno.ENOSPC, NO_SPACE_TEXT)) from error
        hint = "EDGELINUX_DEBUG=1 shows all of it"
        raise EdgeLinuxError(f"dnf could not be asked: {last}", hint=hint) from error
    finally:
        # dnf keeps the keys of each repository with signed metadata in a home of GnuPG's of its own.
        for home in folder.glob("*/*/pubring"):
            end_agents(home)
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "said": done.stderr}


def _dnf_python() -> Path:
    """Return the Python that the build host's dnf runs on; raises EdgeLinuxError."""
    found = shutil.which("dnf")
    if not found:
        raise EdgeLinuxError("cannot run dnf: no such program", hint=NOT_SET_UP)
    with Path(found).open("rb") as file:
        first = file.readline(256).decode("utf-8", "replace").strip()
    python = Path(first.removeprefix("#!").split()[0]) if first.startswith("#!/") else None
    if python is None or not python.is_file():
        raise EdgeLinuxError(f"{found} is not dnf 4: it does not name its Python", hint=NOT_SET_UP)
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
