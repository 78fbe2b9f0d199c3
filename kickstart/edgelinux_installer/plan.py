"""What an installation will do, decided before anything is done: kickstart + machine → plan, or an error."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from edgelinux_hostd import layout
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo

from edgelinux_installer.kickstart import Kickstart, KickstartError, Network
from edgelinux_installer.nics import Nic, pick
from edgelinux_installer.selection import choose_disks, describe

__all__ = ["CPU_LEVELS", "InstallPlan", "Machine", "NetworkPlan", "make_plan"]

CPU_LEVELS = ("x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4")

_FALLBACK_LOCALE = "C.UTF-8"
_DEFAULT_NETWORK = Network(device="br0", ports=("link",))


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
class NetworkPlan:
    """A `network` line together with the card that it turned out to mean (None: there is no card)."""

    network: Network
    nic: Nic | None


@dataclass(frozen=True)
class InstallPlan:
    """The whole installation. `notices` are told to the person in front of the console."""

    kickstart: Kickstart
    image: ImageInfo
    firmware: Literal["uefi", "bios"]
    disks: tuple[Disk, ...]
    hostname: str
    lang: str
    networks: tuple[NetworkPlan, ...]
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
        """Give the plan as plain data for JSON, without passwords and the texts of scripts."""
        data = asdict(self)
        data["image"] = self.image.model_dump(exclude={"packages"})
        data["kickstart"]["lines"] = {}
        for secret in (data["kickstart"]["root"] or {}, *data["kickstart"]["users"]):
            secret["password"] = "***" if secret.get("password") else ""
        for script in data["kickstart"]["scripts"]:
            script["text"] = f"({len(script['text'].splitlines())} lines)"
        return data


def make_plan(ks: Kickstart, machine: Machine, image: ImageInfo) -> InstallPlan:
    """Decide the installation. Raises EdgeLinuxError when it must not begin; nothing is touched here."""
    _check_cpu(machine.cpu_level, image)
    _check_packages(ks, image)
    _check_accounts(ks, machine)
    disks = choose_disks(ks, machine.disks)
    networks = tuple(_network(ks, network, machine.nics) for network in ks.networks or (_DEFAULT_NETWORK,))
    lang, locale_notice = _locale(ks, machine.locales)
    notices = (
        *(f"{group}: groups have no effect, the image is the package set" for group in ks.packages.groups),
        *locale_notice,
        *_size_notice(disks),
        *(
            f"there is no network card for {net.network.device}; it is configured once there is one"
            for net in networks
            if net.nic is None
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


def _check_packages(ks: Kickstart, image: ImageInfo) -> None:
    missing = [name for name in ks.packages.names if name not in image.packages]
    if missing:
        raise KickstartError(
            ks.file,
            ks.packages.line,
            f"%packages: not in this image: {', '.join(missing)}",
            hint="the image is the package set; leave them out, or build an image that has them",
        )
    unwanted = [name for name in ks.packages.excluded if name in image.packages]
    if unwanted:
        raise KickstartError(
            ks.file,
            ks.packages.line,
            f"%packages: part of this image and not removable: {', '.join(unwanted)}",
        )


def _check_accounts(ks: Kickstart, machine: Machine) -> None:
    for user in ks.users:
        if user.name in machine.accounts:
            raise KickstartError(ks.file, user.line, f"the image already has an account {user.name}")
    known = machine.accounts | {user.name for user in ks.users}
    for key in ks.ssh_keys:
        if key.user not in known:
            raise KickstartError(
                ks.file, key.line, f"there is no account {key.user}", hint="add a `user` line"
            )


def _network(ks: Kickstart, network: Network, nics: tuple[Nic, ...]) -> NetworkPlan:
    wanted = network.ports[0] if network.ports else network.device
    nic = pick(wanted, nics)
    if nic is None and wanted != "link":
        present = ", ".join(f"{nic.name} ({nic.mac})" for nic in nics) or "none"
        raise KickstartError(ks.file, network.line, f"there is no network card {wanted}; present: {present}")
    if not network.ports and nic is not None:
        network = replace(network, device=nic.name)
    return NetworkPlan(network, nic)


def _locale(ks: Kickstart, available: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Give the locale to set up, and a notice where the image lacks the one that was asked for."""

    def plain(name: str) -> str:
        return name.lower().replace("-", "")

    if plain(ks.lang) in {plain(name) for name in available} or not available:
        return ks.lang, ()
    return _FALLBACK_LOCALE, (f"the image has no locale {ks.lang}; {_FALLBACK_LOCALE} is set up",)


def _size_notice(disks: tuple[Disk, ...]) -> tuple[str, ...]:
    if len({disk.size for disk in disks}) < 2:
        return ()
    smallest = min(disks, key=lambda disk: disk.size)
    return (f"the disks differ in size; the mirror is as large as the smallest, {describe(smallest)}",)
