"""Finds OVMF on the build host and gives each machine a private copy of its variables."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.process import NOT_SET_UP
from edgelinux_build.qemu.machine import Firmware

__all__ = ["OVMF_DIRECTORIES", "prepare_firmware"]

# Where distributions put OVMF built with 4 MiB of flash, the only kind QEMU packages still ship.
OVMF_DIRECTORIES = (Path("/usr/share/OVMF"), Path("/usr/share/edk2/ovmf"), Path("/usr/share/edk2/x64"))
_PAIRS = (("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd"))


def find_ovmf(directories: Sequence[Path] = OVMF_DIRECTORIES) -> tuple[Path, Path]:
    """OVMF's code and variable template, without Secure Boot.

    Raises:
        EdgeLinuxError: none is installed.
    """
    for code, variables in _PAIRS:
        for directory in directories:
            if (directory / code).is_file() and (directory / variables).is_file():
                return directory / code, directory / variables
    raise EdgeLinuxError("no UEFI firmware for virtual machines found", hint=NOT_SET_UP)


def prepare_firmware(name: str, directory: Path) -> Firmware:
    """The firmware called `uefi` or `bios`; UEFI variables live in `directory` and survive restarts."""
    if name == "bios":
        return Firmware()
    code, template = find_ovmf()
    variables = directory / "uefi-variables.fd"
    if not variables.exists():
        shutil.copyfile(template, variables)
    return Firmware(code, variables)
