"""Makes the stand-in packages: one spec file, rpmbuild, a key for each repository, and their metadata."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgelinux_build.tree import fill
from edgelinux_hostd.run import run

from tests.rehearsal.parts import PARTS, REST, Part

__all__ = ["make_repositories", "spec"]

_SETTINGS: Mapping[str, str] = {
    "_binary_payload": "w1.zstdio",
    "__os_install_post": "%{nil}",
    "__arch_install_post": "%{nil}",
    "debug_package": "%{nil}",
    "_build_id_links": "none",
    "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
}


def spec(
    files: Mapping[str, Sequence[str]], values: Mapping[str, str], names: Sequence[str], lists: Path
) -> str:
    """Return the spec file of all parts; the last provides `names`. Lists of files are in `lists`."""
    rest = next(part for part in PARTS if part.name == REST)
    known = {part.name for part in PARTS} | {word.split()[0] for part in PARTS for word in part.provides}
    more = tuple(name for name in names if name.split()[0] not in known)
    head = [*_tags(rest, values, ("Name", more)), "", "%description", "A stand-in of the rehearsal.", ""]
    for part in PARTS:
        if part is not rest:
            head += [f"%package -n {part.name}", *_tags(part, values, ("", ())), ""]
            head += [f"%description -n {part.name}", "A stand-in of the rehearsal.", ""]
    head += ["%install", "cp --archive --link %{_sourcedir}/. %{buildroot}/", ""]
    for part in PARTS:
        option = "" if part is rest else f" -n {part.name}"
        given = f" -f {lists / part.name}" if files.get(part.name) else ""
        head += [f"%files{option}{given}", ""]
    return "\n".join(head)


def _tags(part: Part, values: Mapping[str, str], more: tuple[str, Sequence[str]]) -> list[str]:
    name, names = more
    version, _, release = fill(part.version, values).partition("-")
    return [
        *([f"{name}: {part.name}"] if name else []),
        f"Version: {version}",
        f"Release: {release or '1'}",
        f"Summary: Stand-in for {part.name}",
        "License: GPL-2.0-or-later AND MIT",
        *(["URL: https://standin.invalid/", "Packager: Stand-in <standin@standin.invalid>"] if name else []),
        "AutoReqProv: no",
        *(f"Requires: {fill(word, values)}" for word in part.requires),
        *(f"Provides: {fill(word, values)}" for word in (*part.provides, *names)),
    ]


def _listing(stage: Path, paths: Sequence[str]) -> str:
    lines = []
    for path in paths:
        real = stage / path.lstrip("/")
        kind = "%dir " if real.is_dir() and not real.is_symlink() else ""
        lines.append(f'{kind}"{path}"\n')
    return "".join(lines)


def make_repositories(
    stage: Path,
    files: Mapping[str, Sequence[str]],
    values: Mapping[str, str],
    names: Sequence[str],
    keys: Mapping[str, str],
    home: Path,
    scratch: Path,
    out: Path,
) -> None:
    """Make `out`/<repository> of what is in `stage`; `keys` are fingerprints, by repository, of `home`."""
    lists, built = scratch / "lists", scratch / "rpms"
    for folder in (lists, built):
        folder.mkdir()
    for part, paths in files.items():
        (lists / part).write_text(_listing(stage, paths), encoding="utf-8")
    path = scratch / "standin.spec"
    path.write_text(spec(files, values, names, lists), encoding="utf-8")
    _rpmbuild(path, stage, scratch, built)
    for one in PARTS:
        folder = out / one.repository / "Packages"
        folder.mkdir(parents=True, exist_ok=True)
        (file,) = built.glob(f"{one.name}-[0-9]*.rpm")
        shutil.move(file, folder / file.name)
    environment = {**os.environ, "GNUPGHOME": str(home), "HOME": str(home)}
    for repository, key in keys.items():
        packages = sorted((out / repository).rglob("*.rpm"))
        (out / repository).mkdir(exist_ok=True)
        if packages:
            # Debian's rpm looks for gpg2.
            defined = ["--define", f"_gpg_name {key}", "--define", f"__gpg {shutil.which('gpg')}"]
            run(["rpmsign", *defined, "--addsign", *packages], env=environment)
        run(["createrepo_c", "--quiet", "--no-database", out / repository])


def _rpmbuild(path: Path, stage: Path, scratch: Path, built: Path) -> None:
    # What kind each file is takes most of rpmbuild's time, and is of no use here: it is told of no kinds.
    magic = scratch / "magic"
    magic.write_text("0\tstring\tNothingBeginsLikeThis\tnothing\n", encoding="utf-8")
    subprocess.run(["file", "--compile", "--magic-file", magic], cwd=scratch, check=True, capture_output=True)
    places = {
        "_topdir": scratch / "top",
        "_sourcedir": stage,
        "_tmppath": scratch / "tmp",
        "_dbpath": scratch / "db",
        "_rpmdir": built,
    }
    defines = {**_SETTINGS, **{name: str(place) for name, place in places.items()}}
    argv = ["rpmbuild", "-bb", "--target", "x86_64-linux", "--quiet"]
    argv += [word for name, value in defines.items() for word in ("--define", f"{name} {value}")]
    environment = {**os.environ, "MAGIC": f"{magic}.mgc", "HOME": str(scratch)}
    run([*argv, path], env=environment)
