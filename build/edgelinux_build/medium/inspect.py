"""Says what an ISO is: the system, the kickstart without its secrets, how it boots, whether it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgelinux_build.medium.boot_paths import BootPaths, find_boot_paths
from edgelinux_build.medium.files import KICKSTART
from edgelinux_build.medium.image import open_iso
from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.medium.redact import redact

__all__ = ["Inspection", "describe", "inspect"]


@dataclass(frozen=True)
class Inspection:
    """What there is to know of an ISO."""

    file: Path
    size: int
    """Bytes, as the ISO itself says."""
    info: MediaInfo
    kickstart: str
    """Redacted."""
    kickstart_sha256: str
    boot_paths: BootPaths
    problems: tuple[str, ...]
    """What differs from its checksum; empty also when that was not looked at."""
    verified: bool
    """Whether everything on it was compared with its checksum."""

    @property
    def ok(self) -> bool:
        """Whether it boots all four ways, and nothing was found to be damaged."""
        return not self.problems and not self.boot_paths.missing

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "file": str(self.file),
            "size": self.size,
            **self.info.model_dump(mode="json", exclude={"format", "boot"}),
            "kickstart": self.kickstart,
            "kickstart_sha256": self.kickstart_sha256,
            "boot_paths": asdict(self.boot_paths),
            "verified": self.verified,
            "problems": list(self.problems),
            "ok": self.ok,
        }


def inspect(iso: Path, *, verify: bool = True) -> Inspection:
    """Look into an ISO; `verify` reads all of it. Raises EdgeLinuxError when it is not an edgeLinux ISO."""
    image = open_iso(iso)
    kickstart = image.read(KICKSTART)
    return Inspection(
        file=iso,
        size=image.size,
        info=image.info,
        kickstart=redact(kickstart.decode("utf-8", "replace")),
        kickstart_sha256=hashlib.sha256(kickstart).hexdigest(),
        boot_paths=find_boot_paths(image),
        problems=tuple(image.problems()) if verify else (),
        verified=verify,
    )


def describe(found: Inspection) -> Iterator[str]:
    """Give the lines that a person reads."""
    info = found.info
    rows = {
        "medium": f"{found.file} ({found.size / 1e6:.0f} MB)",
        "product": f"{info.product} {info.version} (image {info.image})",
        "base": f"{info.base_label} ({info.base})",
        "kernel, ZFS": f"{info.kernel}, {info.zfs}",
        "processor": f"{info.cpu_level} or better",
        "label": info.label,
        "made": datetime.fromtimestamp(info.source_date_epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "serial console": info.serial or "none",
        "when booted": _when_booted(info),
        "boots": _boots(found.boot_paths),
        "checksums": _checksums(found),
    }
    for name, value in rows.items():
        yield f"{name + ':':<16}{value}"
    yield ""
    yield f"kickstart (secrets redacted; SHA-256 {found.kickstart_sha256}):"
    for line in found.kickstart.splitlines():
        yield f"    {line}".rstrip()


def _when_booted(info: MediaInfo) -> str:
    if info.unattended:
        return "installs without asking"
    installing = "; an installation asks at the machine" if info.asks else ""
    return f"live system, erases nothing by itself{installing}"


def _boots(paths: BootPaths) -> str:
    if not paths.missing:
        return "BIOS and UEFI, from disc and from stick"
    return f"NOT with {', '.join(paths.missing)}"


def _checksums(found: Inspection) -> str:
    if found.problems:
        return f"DAMAGED: {', '.join(found.problems)}"
    return "everything is as it was made" if found.verified else "not compared"
