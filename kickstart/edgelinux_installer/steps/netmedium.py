"""After a network boot, before any disk is touched: fetches the antlet templates that a disc would have.

They go into memory, beside the system: when the disks are being written nothing of the network is needed.
Each is held against its checksum as it comes, as the initramfs has done with the system: this step takes the
place of the check of a medium.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError
from edgelinux_hostd.run import run

from edgelinux_installer.context import Context, Step
from edgelinux_installer.medium_check import SUMS, chunks, file_problems, parse_sums
from edgelinux_installer.netboot import NetworkBoot, this_boot
from edgelinux_installer.steps.medium import loading_zfs
from edgelinux_installer.web import Fetching

__all__ = ["STEP", "available_mib", "fetch_templates", "prepare"]

_RESERVE_MIB = 384
"""What the installation itself needs of the memory that is free: ZFS, unsquashfs and what they cache."""
_MIB = 1024**2
_SERVER = "are the server's files those of one medium?"
_NONE = "the server has no antlet templates: none will be installed"


def prepare(ctx: Context) -> None:
    """Fetch the templates, and load ZFS meanwhile; raises EdgeLinuxError."""
    with loading_zfs():
        fetch_templates(ctx, this_boot())


def fetch_templates(
    ctx: Context,
    boot: NetworkBoot,
    *,
    fetching: Fetching | None = None,
    available: Callable[[], int] = lambda: available_mib(),
    grow: Callable[[Path, int], None] = lambda medium, mib: _grow(medium, mib),
) -> None:
    """Fetch what the medium's checksums list below templates/, and compare it with them.

    A server may have none. Raises EdgeLinuxError: a file that cannot be had or is another one, or too little
    memory for them.
    """
    listed = _listed(ctx)
    if not listed:
        ctx.progress.note(_NONE)
        return
    free = available()
    # No more than leaves enough for the rest.
    grow(ctx.medium, max(free - _RESERVE_MIB, 0))
    fetching = fetching or Fetching()
    fetching.cert = boot.cert_for(boot.medium)
    for number, (name, digest) in enumerate(listed.items()):

        def follow(part: float, number: int = number) -> None:
            ctx.progress.fraction((number + part) / len(listed))

        def check(length: int, name: str = name) -> None:
            # What a connection that broke has left is in memory already.
            there = path.stat().st_size if (path := ctx.medium / name).exists() else 0
            _check_memory(name, length - there, available())

        fetching.follow, fetching.check = follow, check
        try:
            _fetch(fetching, f"{boot.medium}/{quote(name)}", ctx.medium, name, digest)
        except NotFoundError as error:
            if number == 0:
                shutil.rmtree(ctx.templates)
                ctx.progress.note(_NONE)
                return
            raise EdgeLinuxError(f"{error.message}; no disk was touched", hint=_SERVER) from None


def _fetch(fetching: Fetching, url: str, medium: Path, name: str, digest: str) -> None:
    path = medium / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for _attempt in range(2):
            fetching.fetch(url, path)
            problems = list(file_problems({name: digest}, lambda name: chunks(medium / name)))
            if not problems:
                return
    except NotFoundError:
        raise
    except EdgeLinuxError as error:
        raise _untouched(error) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _untouched(_too_little(name, "more than there is", available_mib())) from error
        raise
    raise EdgeLinuxError(
        f"{url} is not what {SUMS} says, twice: its SHA-512 is another one; no disk was touched",
        hint=_SERVER,
    )


def _untouched(error: EdgeLinuxError) -> EdgeLinuxError:
    return EdgeLinuxError(f"{error.message}; no disk was touched", hint=error.hint)


def _listed(ctx: Context) -> dict[str, str]:
    """Give the templates' files and their checksums; none when the server has no list."""
    path = ctx.medium / SUMS
    if not path.is_file():
        return {}
    try:
        sums = parse_sums(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EdgeLinuxError(
            f"{SUMS} of the server cannot be read ({error}); no disk was touched", hint=_SERVER
        ) from error
    found = {name: digest for name, digest in sums.items() if name.startswith(f"{ctx.templates.name}/")}
    for name in found:
        # It names files that root writes, and came over the network.
        if ".." in PurePosixPath(name).parts or "\0" in name:
            raise EdgeLinuxError(f"{SUMS} of the server names {name!r}; no disk was touched", hint=_SERVER)
    return found


def _check_memory(name: str, length: int, free: int) -> None:
    need = -(-length // _MIB)
    if need + _RESERVE_MIB > free:
        raise _too_little(name, f"{need} MiB", free)


def _too_little(name: str, need: str, free: int) -> EdgeLinuxError:
    return EdgeLinuxError(
        f"too little memory for the antlet templates: {name} takes {need} and {_RESERVE_MIB} MiB must stay "
        f"free, but {free} MiB are free",
        hint="more memory, or templates/ taken away from the server",
    )


def available_mib(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Give the memory that can be had, in MiB (proc_meminfo(5): MemAvailable)."""
    for line in meminfo.read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def _grow(medium: Path, mib: int) -> None:
    """Let the medium's memory hold so much more; the initramfs has made it as large as it needed then."""
    size = run(["findmnt", "--noheadings", "--raw", "--bytes", "--output", "USED", "--mountpoint", medium])
    run(["mount", "-o", f"remount,size={int(size.stdout) // _MIB + mib + 1}m", medium])


STEP = Step("Fetching the antlet templates", 8, prepare)
