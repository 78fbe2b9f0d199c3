"""Before any disk is touched: is what would be installed whole?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from edgelinux_hostd import zfs
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.layout import POOL

from edgelinux_installer.context import Context, Step
from edgelinux_installer.medium_check import SUMS, chunks, file_problems, parse_sums
from edgelinux_installer.steps.pool import load_zfs

__all__ = ["STEP", "expected_sha512", "loading_zfs", "template_problems", "verify"]

_WRITE_AGAIN = "write the medium again and check it"
_CHUNK = 4 * 1024**2
_ZFS_MODULE = Path("/sys/module/zfs")


def verify(ctx: Context) -> None:
    """Compare the system's checksum with the medium's, and refuse a machine that has our pool in use."""
    expected = expected_sha512(ctx.medium / "live" / "SHA512SUMS", ctx.squashfs.name)
    with loading_zfs():
        found = _sha512(ctx)
    if found != expected:
        raise EdgeLinuxError(
            f"{ctx.squashfs.name} on the medium is damaged (its SHA-512 is not the one in SHA512SUMS); "
            "no disk was touched",
            hint=_WRITE_AGAIN,
        )
    for problem in template_problems(ctx):
        raise EdgeLinuxError(f"on the medium {problem}; no disk was touched", hint=_WRITE_AGAIN)


@contextmanager
def loading_zfs() -> Iterator[None]:
    """Load the kernel module meanwhile; raises EdgeLinuxError when that fails or our pool is in use."""
    if _ZFS_MODULE.exists() and POOL in zfs.pools():
        raise EdgeLinuxError(
            f"a pool called {POOL} is imported",
            hint=f"`zpool export {POOL}`, and start the installation again",
        )
    with ThreadPoolExecutor(max_workers=1) as threads:
        # Touches no disk, and takes as long as a second processor has nothing to do anyway.
        loading = threads.submit(load_zfs)
        yield
        loading.result()


def template_problems(ctx: Context) -> Iterator[str]:
    """Compare the antlet templates with the medium's checksums; one line for each file that differs."""
    if not ctx.templates.is_dir():
        return
    try:
        sums = parse_sums((ctx.medium / SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"{SUMS} cannot be read ({error})"
        return
    listed = {name: digest for name, digest in sums.items() if name.startswith(f"{ctx.templates.name}/")}
    yield from file_problems(listed, lambda name: chunks(ctx.medium / name))


def expected_sha512(sums: Path, name: str) -> str:
    """Find a file's checksum in a list as sha512sum(1) writes it; raises EdgeLinuxError."""
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeLinuxError(f"cannot read {sums}: {error}", hint="is the medium whole?") from error
    for line in lines:
        digest, _, file = line.partition(" ")
        if file.strip().lstrip("*").rpartition("/")[2] == name:
            return digest.lower()
    raise EdgeLinuxError(f"{sums} does not list {name}", hint="is the medium whole?")


def _sha512(ctx: Context) -> str:
    digest = hashlib.sha512()
    try:
        with ctx.squashfs.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            done = 0
            while chunk := file.read(_CHUNK):
                done += len(chunk)
                # The kernel reads on while we calculate; unsquashfs finds in memory what fits there.
                os.posix_fadvise(file.fileno(), done, 4 * _CHUNK, os.POSIX_FADV_WILLNEED)
                digest.update(chunk)
                ctx.progress.fraction(done / size)
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot read {ctx.squashfs}: {error.strerror}; no disk was touched", hint="is the medium whole?"
        ) from error
    return digest.hexdigest()


STEP = Step("Checking the medium", 5, verify)
