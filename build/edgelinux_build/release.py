"""What a release needs beyond a build: every choice named, every input pinned, and somebody who signs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from .signing import SIGN_KEY, fingerprint_of

__all__ = ["current_commit", "refuse_all", "uncommitted", "what_a_release_lacks"]

_USAGE = 2
_NAMED = 3


def what_a_release_lacks(root: Path, base: str, lock_problems: Sequence[str], sign_key: str) -> list[str]:
    """Say everything that stands in a release's way, one line each.

    `lock_problems` are those of the base, when one is named.
    """
    unnamed = ["no base is named: --base"] if base == "auto" else []
    return [*unnamed, *lock_problems, *uncommitted(root), *_key_problems(sign_key)]


def _key_problems(sign_key: str) -> list[str]:
    if not sign_key:
        return [f"no key signs it: --sign-key, or {SIGN_KEY}"]
    try:
        fingerprint_of(sign_key)
    except EdgeLinuxError as error:
        return [str(error)]
    return []


def uncommitted(root: Path) -> list[str]:
    """Say what in the repository is not in its last commit; in a line, or none."""
    try:
        text = _git(root, "status", "--porcelain")
    except EdgeLinuxError as error:
        said = error.stderr.strip() if isinstance(error, CommandError) else str(error)
        return [f"{root} is at no commit: {said}"]
    names = [line[3:] for line in text.splitlines()]
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"the repository has changes that are not committed: {', '.join(names[:_NAMED])}{more}"]


def current_commit(root: Path) -> str:
    """Return the hash of the last commit; raises EdgeLinuxError."""
    return _git(root, "rev-parse", "HEAD").strip()


def _git(root: Path, *arguments: str) -> str:
    # Run by sudo, git would refuse a repository that belongs to the user.
    return run(["git", "-c", "safe.directory=*", "-C", root, *arguments]).stdout


def refuse_all(what: str, problems: Sequence[str]) -> None:
    """Raise EdgeLinuxError when there are any; each has a line of its own."""
    if problems:
        raise Refused(what, problems)


class Refused(EdgeLinuxError):
    """Several things are wrong at once; a person is told all of them, one line each."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__(what, exit_code=_USAGE)
        self.problems = tuple(problems)
