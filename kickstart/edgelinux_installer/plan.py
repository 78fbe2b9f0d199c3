"""What an installation will do, decided before anything is done: kickstart + machine → plan, or an error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from edgelinux_hostd import layout
from edgelinux_hostd.cpu import CPU_LEVELS
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo

from edgelinux_installer.interfaces import Interface, resolve
from edgelinux_installer.kickstart import Kickstart
from edgelinux_installer.nics import Nic
from edgelinux_installer.selection import choose_disks, describe, foreign_pools

__all__ = ["InstallPlan", "Machine", "check_sectors", "check_selinux", "make_plan"]


_FALLBACK_LOCALE = "C.UTF-8"


@dataclass(frozen=True)
class Machine:
    """What was found: the hardware, and what the live system (the tree to be installed) already has."""

    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    firmware: Literal["uefi", "bios"]
    cpu_level: str
    locales: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset({"root"})
    media_label: str = ""


@dataclass(frozen=True)
class InstallPlan:
    """The whole installation. `notices` are told to the person in front of the console."""

    kickstart: Kickstart
    image: ImageInfo
    firmware: Literal["uefi", "bios"]
    disks: tuple[Disk, ...]
    hostname: str
    lang: str
    networks: tuple[Interface, ...]
    media_label: str
    notices: tuple[str, ...]

    @property
    def layout(self) -> layout.Layout:
        """Give the pool's layout."""
        return self.kickstart.zfs.layout

    @property
    def root_dataset(self) -> str:
        """Name the boot environment, with the pool."""
        return f"{layout.POOL}/{layout.boot_environment(self.image.version)}"

    def as_dict(self) -> dict[str, Any]:
        """Give the plan as plain data for JSON, without passwords, tokens and the texts of scripts."""
        data = asdict(self)
        data["image"] = self.image.model_dump(exclude={"packages"})
        for internal in ("lines", "source", "notices"):
            del data["kickstart"][internal]
        for secret in (data["kickstart"]["root"] or {}, *data["kickstart"]["users"]):
            secret["password"] = "***" if secret.get("password") else ""
        if data["kickstart"]["notify"]:
            data["kickstart"]["notify"]["token"] = "***" if data["kickstart"]["notify"]["token"] else ""
        for script in data["kickstart"]["scripts"]:
            script["text"] = f"({len(script['text'].splitlines())} lines)"
        return data


def make_plan(ks: Kickstart, machine: Machine, image: ImageInfo) -> InstallPlan:
    """Decide the installation. Raises EdgeLinuxError when it must not begin; nothing is touched here."""
    _check_cpu(machine.cpu_level, image)
    check_selinux(ks, has_selinux=image.selinux, where=image.base_label)
    missing = _check_packages(ks, image)
    _check_accounts(ks, machine)
    disks = choose_disks(ks, machine.disks)
    check_sectors(disks, machine.firmware)
    networks = resolve(ks, machine.nics)
    _check_trusted(ks, networks, machine.nics)
    lang, locale_notice = _locale(ks, machine.locales)
    notices = (
        *ks.told(),
        *(f"{group}: groups have no effect, the image is the package set" for group in ks.packages.groups),
        *(f"%packages: not in this image: {name}" for name in missing),
        *locale_notice,
        *_disk_notices(disks, machine.disks),
        *(
            f"there is no network card for {interface.name}; it is configured once there is one"
            for interface in networks
            if interface.kind in ("ethernet", "bridge") and interface.nic is None
        ),
    )
    return InstallPlan(
        kickstart=ks,
        image=image,
        firmware=machine.firmware,
        disks=disks,
        hostname=ks.hostname or image.name,
        lang=lang,
        networks=networks,
        media_label=machine.media_label,
        notices=notices,
    )


def _check_cpu(level: str, image: ImageInfo) -> None:
    if CPU_LEVELS.index(level) < CPU_LEVELS.index(image.cpu_level):
        raise EdgeLinuxError(
            f"this CPU is {level}, and {image.product} on {image.base_label} needs {image.cpu_level}",
            hint="use an image made for older CPUs",
        )


def check_selinux(ks: Kickstart, *, has_selinux: bool, where: str) -> None:
    """Refuse a kickstart that wants SELinux of a base that has none; `where` names the base."""
    if ks.selinux in ("enforcing", "permissive") and not has_selinux:
        raise ks.error(
            ks.lines.get("selinux", 0),
            f"selinux --{ks.selinux}: {where} has no SELinux",
            "selinux --disabled, or a base that has it",
        )


def _check_packages(ks: Kickstart, image: ImageInfo) -> tuple[str, ...]:
    """Refuse what the image has not, or has and should not; give what it may lack (--ignoremissing)."""

    def present(pattern: str) -> bool:
        return any(fnmatchcase(name, pattern) for name in image.packages)

    missing = tuple(name for name in ks.packages.names if not present(name))
    if missing and not ks.packages.may_miss:
        raise ks.error(
            ks.packages.line,
            f"%packages: not in this image: {', '.join(missing)}",
            "the image is the package set; leave them out, or build an image that has them",
        )
    if unwanted := [name for name in ks.packages.excluded if present(name)]:
        raise ks.error(
            ks.packages.line, f"%packages: part of this image and not removable: {', '.join(unwanted)}"
        )
    return missing


def _check_accounts(ks: Kickstart, machine: Machine) -> None:
    for user in ks.users:
        if user.name in machine.accounts:
            raise ks.error(user.line, f"the image already has an account {user.name}")
    known = machine.accounts | {user.name for user in ks.users}
    for key in ks.ssh_keys:
        if key.user not in known:
            raise ks.error(key.line, f"there is no account {key.user}", "add a `user` line")


def _check_trusted(ks: Kickstart, networks: tuple[Interface, ...], nics: tuple[Nic, ...]) -> None:
    known = {nic.name for nic in nics} | {one.name for one in networks if one.kind != "ethernet"}
    for device in ks.firewall.trusted:
        if device not in known:
            raise ks.error(
                ks.firewall.line,
                f"firewall --trust={device}: there is no such network device",
                f"there are: {', '.join(sorted(known))}",
            )


def check_sectors(disks: tuple[Disk, ...], firmware: str) -> None:
    """Refuse disks that this firmware does not start from: BIOS reads sectors of 512 bytes."""
    for disk in disks:
        if firmware == "bios" and disk.logical_sector != 512:
            raise EdgeLinuxError(
                f"BIOS does not start from {disk.path}: its sectors have {disk.logical_sector} bytes",
                hint="switch the firmware to UEFI, or take disks with 512-byte sectors",
            )


def _locale(ks: Kickstart, available: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Give the locale to set up, and a notice where the image lacks the one that was asked for."""

    def plain(name: str) -> str:
        return name.lower().replace("-", "")

    if plain(ks.lang) in {plain(name) for name in available} or not available:
        return ks.lang, ()
    return _FALLBACK_LOCALE, (f"the image has no locale {ks.lang}; {_FALLBACK_LOCALE} is set up",)


def _disk_notices(disks: tuple[Disk, ...], present: tuple[Disk, ...]) -> tuple[str, ...]:
    notices = []
    if len({disk.size for disk in disks}) > 1:
        smallest = min(disks, key=lambda disk: disk.size)
        notices.append(
            f"the disks differ in size; the mirror is as large as the smallest, {describe(smallest)}"
        )
    if len({disk.logical_sector for disk in disks}) > 1:
        sectors = ", ".join(f"{disk.path}: {disk.logical_sector}" for disk in disks)
        notices.append(
            f"the disks differ in sector size ({sectors}); the pool uses blocks of 4096 bytes on all"
        )
    notices += [
        f"{disk.path} belongs to another pool called {pool.name} (GUID {pool.guid}), which is left as it is"
        for disk, pool in foreign_pools(disks, present)
    ]
    return tuple(notices)
