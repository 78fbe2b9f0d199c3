"""What the running host is and boots from: its boot environment, its pool, the ESPs on its pool's disks."""

from __future__ import annotations

import json
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd import bootconfig, esp, image, zfs
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.grubcfg import BootEntry
from edgelinux_hostd.hostid import parse_hostid
from edgelinux_hostd.run import run

__all__ = ["HostStatus", "boot_sync", "current_entry", "parse_esps", "pool_esps", "status"]

_HOSTID = Path("/etc/hostid")
_KVM = Path("/dev/kvm")

# UEFI specification, "Defined GPT Partition Entry - Partition Type GUIDs".
_ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


@dataclass(frozen=True)
class HostStatus:
    """What `antlet host status` shows."""

    product: str
    version: str
    base: str
    hostname: str
    kernel: str
    boot_environment: str
    pool: str
    pool_guid: int
    pool_state: str
    disks: tuple[str, ...]
    acceleration: str


def parse_esps(lsblk_json: str, pool_devices: Collection[str]) -> tuple[esp.Esp, ...]:
    """Find the ESPs on the disks that hold a pool's members, from lsblk with the columns of `pool_esps`."""
    found = []
    for disk in json.loads(lsblk_json)["blockdevices"]:
        children = disk.get("children") or ()
        if not any(child["path"] in pool_devices for child in children):
            continue
        for child in children:
            if str(child.get("parttype")).lower() == _ESP_TYPE:
                # PARTN is too new a column for some bases; sysfs has what it would show.
                number = int(child["name"].removeprefix(disk["name"]).lstrip("p"))
                found.append(esp.Esp(disk["path"], child["path"], number, str(child.get("partuuid") or "")))
    return tuple(found)


def pool_esps(pool: str) -> tuple[esp.Esp, ...]:
    """List the ESPs beside a pool's members, one for each disk that is there."""
    text = run(["lsblk", "--json", "--output", "NAME,PATH,TYPE,PARTTYPE,PARTUUID"]).stdout
    return parse_esps(text, zfs.pool_devices(pool))


def current_entry(info: image.ImageInfo) -> BootEntry:
    """Describe the boot environment that is running, as its boot menu entry."""
    dataset = zfs.root_dataset(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
    wanted = bootconfig.load()
    return BootEntry(
        version=dataset.rpartition("/")[2],
        dataset=dataset,
        pool_guid=zfs.pool_guid(dataset.partition("/")[0]),
        hostid=_hostid(),
        kernel_args=info.kernel_args,
        append=wanted.append,
        title=info.product,
        timeout=wanted.timeout,
    )


def _hostid() -> int:
    try:
        return parse_hostid(_HOSTID.read_bytes())
    except OSError as error:
        raise EdgeLinuxError(f"cannot read {_HOSTID}: {error.strerror}") from error


def boot_sync(*, check: bool = False) -> dict[str, list[str]]:
    """Bring the ESPs of all disks in step with the running boot environment; map each to what was outdated.

    With `check`, nothing is written. A disk that fails does not keep the others from being brought in step.
    """
    info, root = image.load(), Path("/")
    entry = current_entry(info)
    found = pool_esps(entry.dataset.partition("/")[0])
    if not found:
        raise EdgeLinuxError("no disk of the pool has an ESP", hint="how was this host started?")
    outdated: dict[str, list[str]] = {}
    failed = []
    for one in found:
        try:
            outdated[one.partition] = esp.check_boot(one, info, [entry], root)
            if outdated[one.partition] and not check:
                esp.stage_boot_files([one], info, entry, root)
                esp.make_bootable([one], info, [entry], root, nvram=False)
        except EdgeLinuxError as error:
            failed.append(f"{one.partition}: {error}")
    if failed:
        raise EdgeLinuxError("; ".join(failed))
    if not check:
        esp.sync_nvram(found, info)
    return outdated


def status() -> HostStatus:
    """Describe the running host."""
    info = image.load()
    dataset = zfs.root_dataset(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
    pool = dataset.partition("/")[0]
    return HostStatus(
        product=info.product,
        version=info.version,
        base=info.base_label,
        hostname=socket.gethostname(),
        kernel=info.kernel,
        boot_environment=dataset,
        pool=pool,
        pool_guid=zfs.pool_guid(pool),
        pool_state=zfs.pool_state(pool),
        disks=zfs.pool_devices(pool),
        acceleration="kvm" if _KVM.exists() else "none: machines are emulated, slowly",
    )
