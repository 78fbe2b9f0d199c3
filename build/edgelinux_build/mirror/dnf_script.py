"""Asks dnf which packages are needed, and what their metadata says. Run by the build host's own Python.

dnf's Python API (its documentation, "DNF API Reference") is there and nowhere else, so nothing but it and the
standard library is imported. Reads the question as JSON from standard input and prints the answer:

    {"folder", "release", "basearch", "arches" (the first is the machine's), "sets",
     "exact": {name: {"evr", "arch", "sha256"}}}

    {"packages": [...], "gone": [names], "failed": {repository: text}, "problem": text,
     "missing": {name: [other architectures]}}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import dnf
import dnf.callback
import dnf.exceptions
import dnf.sack
import hawkey


def configure(base: Any, question: dict[str, Any]) -> None:
    """Have dnf look at nothing of the host's: all that it reads or writes lies in `folder`."""
    folder = Path(question["folder"])
    conf = base.conf
    for name in ("cachedir", "persistdir", "logdir", "installroot"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        setattr(conf, name, str(folder / name))
    conf.config_file_path = str(folder / "none")
    conf.reposdir, conf.varsdir, conf.pluginconfpath = [str(folder / "repos")], [], []
    conf.plugins = False
    if hasattr(conf, "optional_metadata_types"):
        # Packages may need files by their path: EL 10's dnf reads lists of them only if asked (dnf.conf(5)).
        conf.optional_metadata_types = ["filelists"]
    conf.install_weak_deps, conf.best = False, True
    conf.retries, conf.timeout = 3, 30
    conf.substitutions.clear()
    conf.substitutions.update(
        arch=question["arches"][0], basearch=question["basearch"], releasever=question["release"]
    )
    base.read_all_repos()
    base.repos.all()._set_key_import(Confirm())


class AnySack(dnf.sack.Sack):  # type: ignore[misc]
    """Takes packages of any architecture: all but those that are wanted are hidden later.

    libsolv knows no x86_64_v2, say, in the releases that build hosts have, and which others that one runs.
    """

    def __init__(self, *arguments: Any, arch: str = "", **more: Any) -> None:
        # Not dnf's own, which looks for itself by the name that it goes by here.
        hawkey.Sack.__init__(self, *arguments, all_arch=True, **more)


class Confirm(dnf.callback.KeyImport):  # type: ignore[misc]
    """Takes the keys that the configuration names: their fingerprints were checked before."""

    def _confirm(self, *_: object) -> bool:
        return True


def row(package: Any) -> dict[str, Any]:
    """What the metadata says of a package."""
    kind, digest = package.chksum
    return {
        "name": package.name,
        "evr": package.evr,
        "arch": package.arch,
        "repository": package.repoid,
        "checksum": hawkey.chksum_name(kind),
        "sha256": digest.hex(),
        "size": package.downloadsize,
        "location": package.location,
        "url": package.remote_location(schemes=("https", "http", "file")) or "",
        "sourcerpm": package.sourcerpm or "",
        "license": package.license or "",
        "homepage": package.url or "",
        "maintainer": package.packager or "",
        "built": package.buildtime,
    }


def take_exact(base: Any, exact: dict[str, dict[str, str]]) -> tuple[list[Any], list[str]]:
    """Find the locked packages and hide all others of their names; gives them, and those that are gone."""
    found, gone, hidden = [], [], base.sack.query().filter(empty=True)
    for name, wanted in exact.items():
        named = base.sack.query().available().filter(name=name)
        same = [
            package for package in named if (package.evr, package.arch) == (wanted["evr"], wanted["arch"])
        ]
        # Two repositories may have files of the same version: the locked one counts.
        right = [package for package in same if package.chksum[1].hex() == wanted["sha256"]] or same
        if right:
            found.append(right[0])
        else:
            gone.append(name)
        hidden = hidden.union(named.filter(pkg__neq=right[:1]))
    base.sack.add_excludes(hidden)
    return found, gone


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked."""
    if question["arches"][0] != question["basearch"]:
        dnf.sack.Sack = AnySack
    base = dnf.Base()
    configure(base, question)
    for repository in base.repos.iter_enabled():
        # Metadata stay for the next time, but whether they are still the same is always asked.
        repository._repo.expire()
        try:
            repository.load()
        except dnf.exceptions.RepoError as error:
            return {"failed": {repository.id: str(error)}}
    try:
        base.fill_sack(load_system_repo=False)
    except dnf.exceptions.RepoError as error:
        return {"failed": {"": str(error)}}
    every = base.sack.query()
    base.sack.add_excludes(every.difference(every.filter(arch=question["arches"])))
    found, gone = take_exact(base, question["exact"])
    packages = {(package.repoid, package.location): package for package in found}
    for names in question["sets"]:
        base.reset(goal=True)
        if missing := install(base, names):
            return {"missing": missing, "gone": gone}
        try:
            base.resolve()
        except dnf.exceptions.DepsolveError as error:
            return {"problem": str(error), "gone": gone}
        for package in base.transaction.install_set if base.transaction else ():
            packages[package.repoid, package.location] = package
    return {"packages": [row(package) for package in packages.values()], "gone": gone}


def install(base: Any, names: list[str]) -> dict[str, list[str]]:
    """Mark packages; gives the names that nothing has, with the architectures that have them."""
    try:
        base.install_specs(names)
    except dnf.exceptions.MarkingErrors as error:
        return {
            name: sorted(
                {one.arch for one in base.sack.query(flags=hawkey.IGNORE_EXCLUDES).filter(name=name)}
            )
            for name in (*error.no_match_pkg_specs, *error.error_pkg_specs)
        }
    return {}


def main() -> None:
    """Answer what standard input asks."""
    print(json.dumps(answer(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
