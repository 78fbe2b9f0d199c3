"""Builds twice from cold, under conditions that must not matter, and compares what came out byte for byte.

`edgelinux reproduce DIR`, or `make reproduce`. The two builds differ in the directories of sources, cache and
outputs (and how long their names are), in the build host's clock, by days, in host name, time zone, language
and umask. What runs inside the tree sees the kernel's own clock: the faked one is a library of the build
host, and does not reach into the chroot. Both builds have the same epoch, since it is an input.
"""

from __future__ import annotations

import filecmp
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from .inputs import hash_file
from .options import repo_option, take_repositories
from .outputs import TIMINGS
from .project import find_root, source_date_epoch
from .rights import become_root
from .stages.template import stage_name
from .tables import format_table

__all__ = ["Compared", "Conditions", "artefacts", "build_argv", "compare", "conditions", "reproduce", "table"]

# Where Debian and EPEL have it.
FAKETIME_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu/faketime"), Path("/usr/lib64/faketime"))
# Stages whose results are compared beside the outputs: when the ISO differs, they tell why.
_STAGES = ("local-packages", "zfs-modules", "initramfs", "boot-loader", "package-index", "squashfs")
_MANY = 20
_RECORD = "result.json"  # the cache's own, with times


@dataclass(frozen=True)
class Conditions:
    """Under what a build runs; nothing of it may show in what it makes."""

    folder: str
    hostname: str
    umask: int
    environment: Mapping[str, str] = field(default_factory=dict)


def conditions(folders: Sequence[Path] = FAKETIME_FOLDERS) -> tuple[Conditions, Conditions]:
    """Return those of the two builds; without libfaketime in one of the folders both have the same clock."""
    library = next(filter(Path.is_file, (folder / "libfaketimeMT.so.1" for folder in folders)), None)
    clock = {
        "LD_PRELOAD": str(library),
        "FAKETIME": "+9d",
        # Files have the kernel's times in both builds, as they have inside the tree; and nothing waits by it.
        "NO_FAKE_STAT": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    other = {"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", **(clock if library else {})}
    return (
        Conditions("a", "one", 0o022, {"TZ": "UTC", "LANG": "C.UTF-8"}),
        Conditions("another-place/with-a-longer-name", "the-other", 0o077, other),
    )


def build_argv(how: Conditions, hosts: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command that builds under a host name, which the file `hosts` resolves, and a umask."""
    build = shlex.join([sys.executable, "-m", "edgelinux_build.cli", "build", *arguments])
    steps = [
        shlex.join(["hostname", how.hostname]),
        shlex.join(["mount", "--bind", str(hosts), "/etc/hosts"]),
        f"umask {how.umask:03o}",
        f"exec {build}",
    ]
    return ["unshare", "--uts", "--mount", "sh", "-c", " && ".join(steps)]


def _copy_sources(root: Path, target: Path, umask: int) -> None:
    listing = run(
        ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"]
    )
    for name in filter(None, listing.stdout.split("\0")):
        source = root / name
        if source.is_symlink() or source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name, follow_symlinks=False)
            if not source.is_symlink():
                (target / name).chmod((0o777 if os.access(source, os.X_OK) else 0o666) & ~umask)


def _build(where: Path, how: Conditions, epoch: Mapping[str, str], arguments: Sequence[str]) -> float:
    sources = where / "sources"
    env = {
        **os.environ,
        "EDGELINUX_ROOT": str(sources),
        "XDG_CACHE_HOME": str(where / "cache"),
        "PYTHONPATH": os.pathsep.join(str(sources / name) for name in ("build", "kickstart", "hostd")),
        "PYTHONDONTWRITEBYTECODE": "1",
        **epoch,
        **how.environment,
    }
    hosts = where / "hosts"  # sudo, which diskimage-builder calls, complains about a host that has no address
    hosts.write_text(f"{Path('/etc/hosts').read_text(encoding='utf-8')}\n127.0.1.1 {how.hostname}\n")
    hosts.chmod(0o644)
    argv = build_argv(how, hosts, ["--out", str(where / "out"), *arguments])
    started = time.monotonic()
    code = subprocess.run(argv, cwd=sources, env=env, check=False).returncode
    if code:
        raise EdgeLinuxError(f"the build in {where} failed with exit code {code}", exit_code=code)
    return time.monotonic() - started


def artefacts(where: Path) -> dict[str, Path]:
    """Return what a build made, by a name that is the same for both: outputs, and results of stages."""
    found = {path.name: path for path in (where / "out").iterdir() if path.is_file() and path.name != TIMINGS}
    stages = where / "cache" / "edgelinux" / "stages"
    for stage in (*_STAGES, *sorted(path.name for path in stages.glob(stage_name("*")))):
        for result in (stages / stage).glob("*"):
            found.update((f"{stage}/{name}", path) for name, path in _files(result))
    return dict(sorted(found.items()))


def _files(result: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(result.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name != _RECORD:
            yield str(path.relative_to(result)), path


@dataclass(frozen=True)
class Compared:
    """One artefact of both builds."""

    name: str
    one: Path | None
    two: Path | None

    @property
    def same(self) -> bool:
        """Whether both have it, byte for byte."""
        return bool(self.one and self.two and filecmp.cmp(self.one, self.two, shallow=False))

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return "same" if self.same else "DIFFERS" if self.one and self.two else "IN ONE ONLY"

    @property
    def size(self) -> int:
        """In bytes, of the first that is there."""
        return sum(path.stat().st_size for path in [*self._there][:1])

    @property
    def digest(self) -> str:
        """SHA-256 of the first that is there."""
        return "".join(hash_file(path) for path in [*self._there][:1])

    @property
    def _there(self) -> Iterator[Path]:
        yield from (path for path in (self.one, self.two) if path)


def compare(one: Mapping[str, Path], two: Mapping[str, Path]) -> list[Compared]:
    """Pair what two builds made."""
    return [Compared(name, one.get(name), two.get(name)) for name in sorted(one.keys() | two.keys())]


def table(pairs: Sequence[Compared]) -> list[str]:
    """Return the lines of a table; a folder of many files that are all the same is one row."""
    folders: dict[str, list[Compared]] = {}
    for pair in pairs:
        folders.setdefault(str(Path(pair.name).parent), []).append(pair)
    rows: list[tuple[str, int, str, str]] = []
    for folder, inside in folders.items():
        if len(inside) > _MANY and all(pair.same for pair in inside):
            size = sum(pair.size for pair in inside)
            rows.append(("same", size, "", f"{folder}/ ({len(inside)} files)"))
        else:
            rows += [(pair.verdict, pair.size, pair.digest[:16], pair.name) for pair in inside]
    return format_table(("", "BYTES", "SHA-256", "ARTEFACT"), rows)


def _explain(pair: Compared, folder: Path) -> None:
    """Have diffoscope say what differs, as far as it is installed; its exit code 1 means just that."""
    if not (pair.one and pair.two and shutil.which("diffoscope")):
        return
    report = folder / f"{pair.name.replace('/', '_')}.diff"
    argv: list[str | Path] = ["diffoscope", "--text", report, "--max-text-report-size", "1000000"]
    run([*argv, pair.one, pair.two], check=False)
    click.echo(f"what differs in {pair.name}: {report}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--base", default="auto", show_default=True, help="Base distribution, or auto.")
@repo_option
@click.argument("arguments", metavar="[BUILD OPTIONS]...", nargs=-1, type=click.UNPROCESSED)
def reproduce(
    folder: Path, base: str, repositories: Sequence[tuple[str, str]], arguments: tuple[str, ...]
) -> int:
    """Build twice from cold below DIR, where nothing stays as it was, and compare byte for byte.

    Clock, directory, host name, time zone, language and umask of the two builds differ. Exit code 1 when an
    artefact does; diffoscope, where it is installed, then says in what.
    """
    root, folder = find_root(), folder.resolve()
    # Not an option of the builds, whose directories are others: they have it from the environment.
    take_repositories(root, base, repositories)
    become_root(sys.argv[1:], "building")
    # A lock file has a time of its own; the copies have no commits to take one from.
    locked = "--locked" in arguments
    epoch = {} if locked else {"SOURCE_DATE_EPOCH": str(source_date_epoch(root))}
    made, seconds = [], []
    for how in conditions():
        where = folder / how.folder
        if where.exists():
            run(["rm", "-rf", "--one-file-system", where])
        where.mkdir(parents=True)
        _copy_sources(root, where / "sources", how.umask)
    for how in conditions():
        where = folder / how.folder
        click.echo(f"building in {where}", err=True)
        seconds.append(_build(where, how, epoch, ["--base", base, *arguments]))
        made.append(artefacts(where))
    pairs = compare(*made)
    for line in table(pairs):
        click.echo(line)
    click.echo("built in " + " and ".join(f"{value:.0f} s" for value in seconds))
    different = [pair for pair in pairs if not pair.same]
    for pair in different:
        _explain(pair, folder)
    click.echo(f"{len(different)} of {len(pairs)} differ" if different else "all are the same, byte for byte")
    return 1 if different else 0
