"""RPM repositories of a base: where each is, and the key that its packages are signed with.

The schema is that of `mirrors` in images/bases/*.yaml; the text is that of dnf.conf(5).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Annotated

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from pydantic import Field

from .gnupg import primary_fingerprints
from .schema import Name, Schema, Word

__all__ = [
    "KEYS",
    "VARIABLE",
    "Key",
    "Repository",
    "check_key",
    "name_repositories",
    "render",
    "render_own",
    "variable_of",
]

KEYS = Path("images/keys")
"""Where the repository keeps public keys."""

VARIABLE = "EDGELINUX_REPO_"
"""What environment variables begin with that say where a repository is."""


class Key(Schema):
    """An OpenPGP key; a file with any other key stops the build."""

    file: Word
    """Below images/keys."""
    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-F]{40}$")]
    source: str = Field(min_length=1)
    """Where the fingerprint was read."""


class Repository(Schema):
    """An RPM repository, as a base names it."""

    id: Name
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]\S*[^\s/]$")]
    """Base URL of the upstream repository: the directory above repodata/."""
    keys: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Of `keys`; each package must be signed with one of them."""
    signed_metadata: bool = False
    """Whether repomd.xml.asc is there to be checked, too."""
    exclude: tuple[Word, ...] = ()
    """Names or wildcards of packages not to be taken from here."""


def variable_of(repository: Repository) -> str:
    """Return the environment variable that names another URL, or a directory, for a repository."""
    return f"{VARIABLE}{repository.id.upper().replace('-', '_').replace('.', '_')}"


def name_repositories(
    label: str,
    repositories: Iterable[Repository],
    named: Iterable[tuple[str, str]],
    environ: MutableMapping[str, str],
) -> None:
    """Have another URL or directory taken for some repositories of the base `label`, by their ids.

    They are set in the environment, as a person can do, so that all that looks there takes them. Raises
    EdgeLinuxError.
    """
    known = {repository.id: repository for repository in repositories}
    for identifier, place in named:
        if identifier not in known:
            hint = f"known: {', '.join(known)}" if known else "EDGELINUX_MIRROR names its archive"
            raise EdgeLinuxError(f"{label} has no repository {identifier!r}", hint=hint, exit_code=2)
        environ[variable_of(known[identifier])] = place


def render(repositories: Iterable[Repository], urls: Mapping[str, str], keys: Mapping[str, str]) -> str:
    """Return the repositories' configuration; `urls` are by id, `keys` the URLs of the keys by name."""
    return "\n".join(
        "\n".join(
            [
                f"[{repository.id}]",
                f"name={repository.id}",
                f"baseurl={urls[repository.id]}",
                "enabled=1",
                "gpgcheck=1",
                f"repo_gpgcheck={int(repository.signed_metadata)}",
                f"gpgkey={' '.join(keys[name] for name in repository.keys)}",
                # What is not there is an error, of every repository.
                "skip_if_unavailable=0",
                *([f"excludepkgs={','.join(repository.exclude)}"] if repository.exclude else []),
                "",
            ]
        )
        for repository in repositories
    )


def render_own(url: str) -> str:
    """Return the configuration of the repository that the build made itself, a moment ago, and serves."""
    # Nobody could sign what is in it before it is there, and nothing of it stays.
    return f"\n[edgelinux]\nname=edgelinux\nbaseurl={url}\nenabled=1\ngpgcheck=0\nskip_if_unavailable=0\n"


def check_key(root: Path, name: str, key: Key) -> Path:
    """Return the file of a key that is what its base says; raises EdgeLinuxError."""
    path = root / KEYS / key.file
    if not path.is_file():
        raise EdgeLinuxError(f"key {name}: there is no {KEYS / key.file}", hint="fetch it again from git")
    with tempfile.TemporaryDirectory() as home:
        # gpg makes its own files, even to look at one; not in the home of whoever builds.
        argv = ["gpg", "--homedir", home, "--batch", "--show-keys", "--with-colons", str(path)]
        found = primary_fingerprints(run(argv, check=False).stdout)
    if found != [key.fingerprint]:
        raise EdgeLinuxError(
            f"key {name}: {KEYS / key.file} holds {', '.join(found) or 'no key'}, not {key.fingerprint}",
            hint=f"is it the right file? The fingerprint is from {key.source}",
        )
    return path
