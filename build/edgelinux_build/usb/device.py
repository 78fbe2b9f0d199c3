"""A disk that nobody else has: opened exclusively, written and read past the kernel's cache."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Device", "LostError"]

# linux/fs.h
_BLKRRPART = 0x125F
_BLKFLSBUF = 0x1261
_AGAIN = "what is on it does not boot: write it again"
_GONE = {errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM}


class LostError(EdgeLinuxError):
    """A disk that was pulled out, cannot be written or read, or does not hold what was written."""

    def __init__(self, message: str, *, hint: str = _AGAIN) -> None:
        super().__init__(message, hint=hint)


class Device:
    """An open block device; `size` is in bytes. Offsets and lengths are multiples of its sectors.

    Nobody can mount it meanwhile, since O_EXCL claims it (open(2)). O_DIRECT brings errors at the byte where
    they happen, shows how far it is in truth, and reads from the device what is compared.
    """

    def __init__(self, path: Path) -> None:
        """Open it; raises EdgeLinuxError."""
        self.path = path
        flags = os.O_RDWR | os.O_EXCL | os.O_CLOEXEC
        try:
            try:
                self._file = os.open(path, flags | os.O_DIRECT)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._file = os.open(path, flags)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise EdgeLinuxError(
                    f"{path} is in use: something on this machine has claimed it",
                    hint="unmount it, or stop what uses it",
                ) from error
            raise EdgeLinuxError(f"cannot open {path} for writing: {error.strerror}") from error
        self.size = os.lseek(self._file, 0, os.SEEK_END)

    def __enter__(self) -> Device:
        """Keep it open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it. What was wrong has been said by then."""
        with contextlib.suppress(OSError):
            os.close(self._file)

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of it; raises LostError."""
        while data:
            try:
                done = os.pwrite(self._file, data, offset)
            except OSError as error:
                raise self._lost("write", offset, error) from error
            if not done:
                raise self._lost("write", offset, OSError(errno.ENOSPC, "it ends there"))
            offset, data = offset + done, data[done:]

    def read(self, offset: int, into: memoryview) -> None:
        """Fill the buffer; raises LostError."""
        while into:
            try:
                done = os.preadv(self._file, [into], offset)
            except OSError as error:
                raise self._lost("read", offset, error) from error
            if not done:
                raise self._lost("read", offset, OSError(errno.EIO, "it ends there"))
            offset, into = offset + done, into[done:]

    def flush(self) -> None:
        """Bring everything onto the device, and forget what the kernel has cached of it; raises LostError."""
        try:
            os.fsync(self._file)
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise self._lost("write", None, error) from error
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._file, _BLKFLSBUF)

    def reread_table(self) -> None:
        """Have the kernel look at the partition table anew, where the device can have partitions."""
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._file, _BLKRRPART)

    def _lost(self, doing: Literal["write", "read"], offset: int | None, error: OSError) -> LostError:
        where = "" if offset is None else f" at byte {offset}"
        doing_so, done = (
            ("being written", "written") if doing == "write" else ("being read back", "read back")
        )
        if error.errno in _GONE or self._is_gone():
            return LostError(f"{self.path} was pulled out while {doing_so},{where}".rstrip(","))
        return LostError(
            f"{self.path} cannot be {done}{where}: {error.strerror}",
            hint=f"{_AGAIN}, or take another stick or port",
        )

    def _is_gone(self) -> bool:
        """Whether the kernel has taken the device away: what is read or written fails with EIO first."""
        return not Path("/sys/class/block", self.path.name).exists()
