"""Asks RPM repositories through dnf: runs on dnf's own Python, and uses nothing of this package.

A question comes as JSON on standard input (rpm_repositories.Question), the answer goes as JSON to standard
output. dnf's own API (dnf.readthedocs.io) reads, checks and caches the metadata; names are looked up as
`dnf install` looks them up. Nothing of the host is read: neither its /etc/dnf nor its database of packages.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import dnf
import dnf.callback
import dnf.exceptions
import dnf.subject
import hawkey

__all__: list[str] = []

_TIMEOUT = 20
_FOREIGN_SHOWN = 3


class _Confirm(dnf.callback.KeyImport):  # type: ignore[misc]
    """Takes the keys that the configuration names: their fingerprints were checked before."""

    def _confirm(self, *_: object) -> bool:
        return True


class _Base(dnf.Base):  # type: ignore[misc]
    """Reads no lists of files unless a file is asked for: they are most of what there is to read."""

    files = False

    def _add_repo_to_sack(self, repo: Any) -> None:
        if self.files:
            super()._add_repo_to_sack(repo)
            return
        try:
            self._sack.load_repo(repo._repo, build_cache=True, load_updateinfo=True)
        except hawkey.Exception as error:
            raise dnf.exceptions.RepoError(f"Loading repository '{repo.id}' has failed: {error}") from error


def _base(question: Mapping[str, Any]) -> Any:
    base = _Base()
    base.files = any(name.startswith("/") for name in question["names"])
    conf, folder = base.conf, question["folder"]
    conf.config_file_path = f"{folder}/none"
    conf.cachedir, conf.persistdir = f"{folder}/cache", f"{folder}/persist"
    conf.logdir, conf.installroot = f"{folder}/log", f"{folder}/root"
    conf.reposdir, conf.varsdir, conf.pluginconfpath = [f"{folder}/repos"], [], []
    conf.plugins = False
    if base.files and hasattr(conf, "optional_metadata_types"):
        # EL 10's dnf reads lists of files only when asked to (dnf.conf(5)).
        conf.optional_metadata_types = ["filelists"]
    conf.retries, conf.timeout = 2, _TIMEOUT
    conf.substitutions.clear()
    conf.substitutions.update(
        arch=question["basearch"], basearch=question["basearch"], releasever=question["release"]
    )
    base.read_all_repos()
    base.repos.all()._set_key_import(_Confirm())
    return base


def _load(base: Any) -> dict[str, str]:
    """Load all repositories; returns what went wrong, by repository."""
    failed = {}
    for repository in base.repos.iter_enabled():
        try:
            # Whatever its age is, which dnf counts in whole seconds: ask whether it is still the same.
            repository._repo.expire()
            repository.load()
        except dnf.exceptions.RepoError as error:
            failed[repository.id] = str(error)
    if failed:
        return failed
    try:
        base.fill_sack(load_system_repo=False)
    except dnf.exceptions.RepoError as error:
        named = [one.id for one in base.repos.iter_enabled() if f"'{one.id}'" in str(error)]
        return {(named or [""])[0]: str(error)}
    return {}


def _foreign(base: Any, arches: Iterable[str]) -> dict[str, list[str]]:
    """Return the architectures of repositories that have no package for the one that is asked for."""
    known = {*arches, "src", "nosrc"}
    found: dict[str, set[str]] = {}
    for package in base.sack.query().run():
        found.setdefault(package.reponame, set()).add(package.arch)
    wanted = set(arches) - {"noarch"}
    return {
        repository: sorted(seen - known)[:_FOREIGN_SHOWN]
        for repository, seen in found.items()
        if seen - known and not seen & wanted
    }


class _Names:
    """What packages are called and provide."""

    def __init__(self, query: Any) -> None:
        self.called: set[str] = set()
        self.exact: set[str] = set()
        for package in query.run():
            self.called.add(package.name)
            self.exact.update(str(provide) for provide in package.provides)
        self.provided = {provide.split()[0] for provide in self.exact}

    def plain(self) -> list[str]:
        """Return what is provided beyond names, libraries, files and capabilities."""
        special = ("(", "/", ".so")
        names = (name for name in self.provided if not any(part in name for part in special))
        return sorted(set(names) - self.called)


def _newest(base: Any, query: Any, installed: Mapping[str, str]) -> dict[str, Any]:
    """Return the newest version of each package, and the security errata since the installed one."""
    found: dict[str, Any] = {}
    for package in query.filter(name=list(installed)).latest().run():
        before, compare = installed[package.name], base.sack.evr_cmp
        newer = compare(package.evr, before)
        known = found.get(package.name)
        if known and compare(package.evr, known["version"]) <= 0:
            continue
        found[package.name] = {
            "version": package.evr,
            "order": newer,
            "repository": package.reponame,
            "errata": _errata(package, before, compare) if newer > 0 else [],
        }
    return found


def _errata(package: Any, before: str, compare: Any) -> list[str]:
    found = set()
    for advisory in package.get_advisories(hawkey.EQ | hawkey.LT):
        fixed = [one.evr for one in advisory.packages if one.name == package.name]
        if advisory.type == hawkey.ADVISORY_SECURITY and any(compare(evr, before) > 0 for evr in fixed):
            found.add(advisory.id)
    return sorted(found)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    base = _base(question)
    if failed := _load(base):
        return {"failed": failed}
    if foreign := _foreign(base, question["arches"]):
        return {"foreign": foreign}
    query = base.sack.query().filter(arch=list(question["arches"]))
    missing = [
        name
        for name in question["names"]
        if not dnf.subject.Subject(name).get_best_query(base.sack).filter(arch=list(question["arches"]))
    ]
    found = _Names(query) if missing else None
    if found:
        # libsolv forgets what packages provide when it does not know their architecture (x86_64_v2, say).
        missing = [name for name in missing if name not in found.exact and name not in found.provided]
    return {
        "packages": len(query),
        "missing": missing,
        "called": sorted(found.called) if found and missing else [],
        "provides": found.plain() if found and missing else [],
        "newest": _newest(base, query, question["installed"]),
    }


def _main() -> None:
    question = json.load(sys.stdin)
    try:
        answer = _answer(question)
    except (OSError, hawkey.Exception, dnf.exceptions.Error) as error:
        answer = {"broken": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _main()
