"""Reads what a boot needs to know out of an ISO, and makes the disks of a machine."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.medium.image import is_iso

__all__ = [
    "IsoFacts",
    "create_disk",
    "disk_format",
    "extract",
    "is_iso",
    "menu_entry",
    "overlay",
    "read_iso",
]

_QCOW2_MAGIC = b"QFI\xfb"


@dataclass(frozen=True)
class IsoFacts:
    """An ISO's own word about itself; the entries are places in its menu, as `menu_entry` gives them."""

    label: str
    version: str
    unattended: bool
    install_entry: tuple[int, ...] | None
    check_entry: tuple[int, ...] | None = None
    ask_entry: tuple[int, ...] | None = None


def disk_format(path: Path) -> Literal["qcow2", "raw"]:
    """A disk image's format by its first bytes."""
    with path.open("rb") as file:
        return "qcow2" if file.read(4) == _QCOW2_MAGIC else "raw"


def _tool(*argv: str | Path) -> None:
    result = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True)
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:] or ["no message"]
        raise EdgeLinuxError(f"{argv[0]} failed: {last[0]}")


def create_disk(path: Path, size: str, kind: Literal["qcow2", "raw"] = "qcow2") -> None:
    """A new, sparse disk; `size` as qemu-img takes it ("12G"); raises EdgeLinuxError."""
    if not re.fullmatch(r"[0-9]+[KMGT]?", size):
        raise EdgeLinuxError(f"{size!r} is not a disk size", hint="a number and K, M, G or T, such as 12G")
    _tool("qemu-img", "create", "-q", "-f", kind, path, size)


def overlay(path: Path, base: Path) -> None:
    """A qcow2 disk that starts as `base` and keeps its own changes; `base` must not change any more."""
    _tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", disk_format(base), "-b", base.resolve(), path)


def extract(iso: Path, inside: str, target: Path) -> Path:
    """Copies one file out of an ISO, without mounting it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    _tool("xorriso", "-no_rc", "-osirrox", "on", "-indev", iso, "-extract", inside, target)
    target.chmod(0o644)
    return target


def menu_entry(grub_cfg: str, argument: str) -> tuple[int, ...] | None:
    """Where in a menu the first entry is whose kernel line has an argument, such as `edgelinux.install`.

    Returns its number, counted from 0, after those of the submenus that it is in; None when there is none.
    """
    numbers, depth = [-1], 0
    for line in grub_cfg.splitlines():
        words = line.strip()
        if words.startswith("#"):
            continue
        if words.startswith("linux") and argument in words.split():
            return tuple(numbers)
        entry = re.match(r"(menuentry|submenu)\b", words)
        if entry and depth == len(numbers) - 1:
            numbers[-1] += 1
            if entry[1] == "submenu":
                numbers.append(-1)
        depth += _braces(words)
        del numbers[depth + 1 :]
    return None


def _braces(words: str) -> int:
    """How much deeper a line leads; `${name}` does not count."""
    plain = re.sub(r"\$\{[^}]*\}", "", words)
    return plain.count("{") - plain.count("}")


def read_iso(iso: Path, directory: Path) -> IsoFacts:
    """What `iso` says about itself; small files from it are put into `directory`.

    Raises:
        EdgeLinuxError: it is not one of this project's ISOs.
    """
    try:
        media = json.loads(extract(iso, "/edgelinux/media.json", directory / "media.json").read_text())
        label, version, unattended = str(media["label"]), str(media["version"]), bool(media["unattended"])
    except (EdgeLinuxError, ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError(f"{iso} is not an edgeLinux ISO: {error}") from error
    menu = extract(iso, "/boot/grub/grub.cfg", directory / "grub.cfg").read_text()
    entries = (menu_entry(menu, f"edgelinux.{what}") for what in ("install", "check-medium", "install=ask"))
    return IsoFacts(label, version, unattended, *entries)
