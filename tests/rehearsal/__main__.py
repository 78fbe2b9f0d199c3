"""`python -m tests.rehearsal [TEMPLATE…]`: makes stand-in repositories, builds the image of them, and looks.

Antlet templates of CentOS that are named are built of them, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edgelinux_build import namespace
from edgelinux_build.antlet_templates import load_templates
from edgelinux_build.cache import Cache, Result, cache_home
from edgelinux_build.images import Base, Image, load_base
from edgelinux_build.inputs import Json, hash_files, key_of
from edgelinux_build.progress import PlainReporter
from edgelinux_build.project import load_project, source_date_epoch
from edgelinux_build.rights import become_root
from edgelinux_build.runner import Builder
from edgelinux_build.stages import image_stages
from edgelinux_build.wanted import wanted_by_template, wanted_packages
from edgelinux_hostd.errors import EdgeLinuxError

from tests.base import STAND_IN
from tests.built import built
from tests.rehearsal.checks import problems
from tests.rehearsal.content import lay_out, moves, own_files, sort
from tests.rehearsal.definitions import BASE, copy_repository, replace_keys
from tests.rehearsal.keys import signing_keys
from tests.rehearsal.packages import make_repositories

ROOT = Path(__file__).resolve().parents[2]
_LAYERS = ("root-tree", "zfs-modules")
_STAGE = "rehearsal"
_MAKE = ("content", "keys", "packages", "parts")
_KEYS, _FINGERPRINTS = "keys", "fingerprints.json"


def repositories(cache: Cache) -> Result:
    """Return the stand-in repositories; kept, since they change with Debian's tree and this code only."""
    project = load_project(ROOT, None, STAND_IN, None, ROOT / "out")
    centos = load_base(ROOT, BASE)
    # Where the build has not been on Debian.
    needed = [stage for stage in image_stages(project.base) if stage.name in _LAYERS]
    builder = Builder(project, cache, needed, PlainReporter())
    builder.run(builder.plan())
    found = built(project, cache, _LAYERS)
    names = wanted_names(project.image, centos)
    inputs: dict[str, Json] = {
        **{name: result.identity for name, result in found.items()},
        "names": [*names],
        "own": [*sorted(own_files(ROOT))],
        "files": {**hash_files(ROOT, [f"tests/rehearsal/{name}.py" for name in _MAKE])},
        "base": centos.model_dump(mode="json", include={"boot", "kernel_path", "python_packages"}),
        "repositories": [f"{one.id} {one.keys[0]}" for one in centos.mirrors.repositories],
    }
    kernel, zfs = (str(found["root-tree"].facts[name]) for name in ("kernel", "zfs"))
    # Such as 6.12.1+deb13-amd64
    values = {"kernel": kernel, "kernel_version": kernel, "zfs": zfs}

    def make(out: Path, scratch: Path) -> tuple[str, dict[str, Json]]:
        stage = lay_out(ROOT, project.base, centos, found, scratch)
        files = sort(stage, found["root-tree"].path / "tree", moves(project.base, centos, kernel))
        with signing_keys(centos.mirrors.keys, out / _KEYS) as (home, fingerprints):
            keys = {one.id: fingerprints[one.keys[0]] for one in centos.mirrors.repositories}
            make_repositories(stage, files, values, names, keys, home, scratch, out)
        (out / _FINGERPRINTS).write_text(json.dumps(fingerprints), encoding="utf-8")
        return key_of(inputs), {}

    return cache.obtain(_STAGE, key_of(inputs), inputs, make)


def wanted_names(image: Image, base: Base) -> list[str]:
    """Return what the image and all antlet templates of the base ask for, each name once."""
    names = {wanted.name for wanted in wanted_packages(ROOT, image, base)}
    for template in load_templates(ROOT):
        names.update(wanted_by_template(ROOT, image, base, template) or ())
    return sorted(names)


def build(made: Result, root: Path, templates: Sequence[str]) -> None:
    """Build the image of the stand-in repositories, and lock it, as a person would; in a copy at `root`."""
    fingerprints = json.loads((made.path / _FINGERPRINTS).read_text(encoding="utf-8"))
    replace_keys(copy_repository(ROOT, root), fingerprints, made.path / _KEYS)
    base = load_base(root, BASE)
    places = [f"--repo={one.id}={made.path / one.id}" for one in base.mirrors.repositories]
    epoch = str(source_date_epoch(ROOT))
    environment = {**os.environ, "EDGELINUX_ROOT": str(root), "SOURCE_DATE_EPOCH": epoch}
    for command in (["build"], ["lock"], *(["template", "build", name] for name in templates)):
        argv = [sys.executable, "-m", "edgelinux_build.cli", *command, "--base", BASE, *places]
        done = subprocess.run(argv, cwd=root, env=environment, check=False)
        if done.returncode:
            raise EdgeLinuxError(f"edgelinux {' '.join(command)} failed with status {done.returncode}")


def main(arguments: list[str]) -> int:
    """Rehearse; returns the exit status."""
    become_root(arguments, "the rehearsal", module="tests.rehearsal")
    os.chdir(ROOT)
    namespace.enter()
    os.umask(0o022)
    cache, spent = Cache(cache_home()), time.monotonic()
    with cache.session(), cache.temporary(_STAGE) as temp:
        made = repositories(cache)
        print(f"stand-in repositories: {time.monotonic() - spent:.0f} s", flush=True)
        build(made, temp / "repository", arguments)
        found = problems(temp / "repository", temp, arguments)
    for line in found:
        print(f"BAD  {line}")
    print(
        f"rehearsal of {BASE}, from stand-in packages: {len(found)} problems, "
        f"{time.monotonic() - spent:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EdgeLinuxError as error:
        sys.exit(f"tests.rehearsal: {error}")
