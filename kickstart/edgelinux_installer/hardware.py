"""A machine's hardware as a file: recorded there by `edgelinux-install --hardware`, read anywhere.

Live and recorded machines go the same way, so that a recorded one can be asked what a kickstart would do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from edgelinux_hostd.cpu import cpu_level
from edgelinux_hostd.disks import DiskRecord, read_disks, record_disks
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run
from pydantic import BaseModel, ConfigDict, ValidationError

from edgelinux_installer.machine import media_label
from edgelinux_installer.netboot import this_boot
from edgelinux_installer.nics import parse_ip_link, record_nics
from edgelinux_installer.plan import Machine
from edgelinux_installer.source import MEDIUM

__all__ = ["Hardware", "load", "machine", "record"]

_HINT = "record one with `edgelinux-install --hardware`"
_EFIVARS = Path("/sys/firmware/efi/efivars")
# Which firmware it is can be told from these; the others are nobody's business.
_TOLD_EFIVARS = ("Boot", "SecureBoot", "SetupMode")


class Hardware(BaseModel):
    """What `edgelinux-install --hardware` prints.

    `bootif` is the MAC address of the card that the machine was booted with over the network.
    `efivars` are names of UEFI variables (None: started by BIOS), `ip_link` is what `ip -json link` gave and
    `physical` the names in it that are cards; locales and accounts are those of the live system.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    disks: DiskRecord
    ip_link: list[dict[str, Any]] = []
    physical: tuple[str, ...] = ()
    efivars: tuple[str, ...] | None = None
    cpuinfo: str = ""
    locales: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ("root",)
    media_label: str = ""
    bootif: str = ""


def record() -> Hardware:
    """Gather everything that a plan depends on. Needs root to see what lies on the disks."""
    links, physical = record_nics()
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return Hardware(
        format=1,
        disks=record_disks(),
        ip_link=links,
        physical=physical,
        efivars=_efivars(_EFIVARS),
        cpuinfo=next((line for line in cpuinfo if line.startswith("flags")), ""),
        locales=tuple(run(["locale", "-a"], check=False).stdout.split()),
        accounts=tuple(
            line.split(":")[0] for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        ),
        media_label=media_label(MEDIUM),
        bootif=this_boot().bootif,
    )


def machine(hardware: Hardware) -> Machine:
    """Give the machine as the plan sees it. Raises EdgeLinuxError when the record makes no sense."""
    try:
        disks = read_disks(hardware.disks)
        nics = parse_ip_link(json.dumps(hardware.ip_link), hardware.physical, hardware.bootif)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EdgeLinuxError(
            f"the recorded hardware makes no sense: {type(error).__name__} {error}", hint=_HINT, exit_code=2
        ) from error
    return Machine(
        disks=disks,
        nics=nics,
        firmware="bios" if hardware.efivars is None else "uefi",
        cpu_level=cpu_level(hardware.cpuinfo),
        locales=frozenset(hardware.locales),
        accounts=frozenset(hardware.accounts),
        media_label=hardware.media_label,
    )


def load(path: Path) -> Hardware:
    """Read a recorded machine. Raises EdgeLinuxError."""
    try:
        return Hardware.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EdgeLinuxError(f"cannot read {path}: {error.strerror}", hint=_HINT) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EdgeLinuxError(
            f"{path}: not recorded hardware: {where}{': ' if where else ''}{first['msg']}",
            hint=_HINT,
            exit_code=2,
        ) from error


def _efivars(folder: Path) -> tuple[str, ...] | None:
    if not folder.parent.is_dir():
        return None
    return tuple(sorted(path.name for path in folder.glob("*") if path.name.startswith(_TOLD_EFIVARS)))
