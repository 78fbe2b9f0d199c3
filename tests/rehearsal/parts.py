"""Which stand-in packages there are, and which of Debian's files each one gets. Deciding only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["MOVED", "PARTS", "REST", "Part", "left_out", "part_of", "placed"]

REST = "edgelinux-standin"
"""The package that gets what no other has, and provides every name that no other has."""


@dataclass(frozen=True)
class Part:
    """A stand-in package."""

    name: str
    repository: str
    debian: tuple[str, ...] = ()
    """Packages of Debian's whose files it gets."""
    paths: tuple[str, ...] = ()
    """What else it gets: paths, or beginnings of paths that end in a slash."""
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    """Filled in, as `requires`: {kernel}, {zfs}."""
    version: str = "10"
    """Filled in: {kernel_version}, {zfs}."""


PARTS: tuple[Part, ...] = (
    Part("filesystem", "baseos"),
    Part("setup", "baseos", paths=("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")),
    Part("basesystem", "baseos", requires=("filesystem", "setup")),
    Part("centos-gpg-keys", "baseos"),
    Part(
        "centos-stream-release",
        "baseos",
        paths=("/etc/os-release", "/usr/lib/os-release"),
        provides=("system-release(releasever) = 10",),
    ),
    Part("centos-stream-repos", "baseos", paths=("/etc/yum.repos.d/",), requires=("centos-gpg-keys",)),
    Part(
        "kernel",
        "baseos",
        paths=("/usr/lib/modules/", "/boot/config-", "/boot/System.map-"),
        provides=("kernel-core", "kernel-modules", "kernel-modules-core", "kernel-uname-r = {kernel}"),
        version="{kernel_version}",
    ),
    Part(
        "kernel-devel",
        "appstream",
        provides=("kernel-devel-uname-r = {kernel}",),
        version="{kernel_version}",
    ),
    # Containers are relieved of these.
    Part("grubby", "baseos"),
    Part(
        "dracut",
        "baseos",
        debian=("dracut", "dracut-core", "dracut-install", "dracut-live", "dracut-network"),
        provides=("dracut-config-generic", "dracut-live", "dracut-network"),
    ),
    Part("linux-firmware", "baseos", paths=("/usr/lib/firmware/",), provides=("linux-firmware-whence",)),
    Part("shim-x64", "baseos", debian=("shim-signed", "shim-signed-common", "shim-unsigned")),
    Part("grub2-efi-x64", "baseos", debian=("grub-efi-amd64-signed",), provides=("grub2-efi-x64-cdboot",)),
    Part("grub2-pc-modules", "baseos", debian=("grub-pc-bin",)),
    Part(
        "qemu-kvm-core",
        "appstream",
        debian=("qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios"),
        provides=(
            "qemu-kvm-device-display-virtio-gpu",
            "qemu-kvm-device-display-virtio-gpu-pci",
            "qemu-kvm-device-display-virtio-vga",
        ),
    ),
    # What is there before the elements install anything loses it to yum-minimal.
    Part("glibc-locale-source", "baseos", paths=("/usr/share/i18n/",)),
    Part("selinux-policy-targeted", "baseos", paths=("/etc/selinux/",), provides=("selinux-policy",)),
    Part("gcc", "appstream", paths=("/usr/bin/gcc", "/usr/share/standin/edgelinux-cpu")),
    Part("dkms", "epel", paths=("/usr/sbin/dkms",), requires=("gcc",)),
    Part("busybox", "epel", debian=("busybox-static",)),
    Part("dropbear", "epel", debian=("dropbear-bin",)),
    Part("lxc", "epel", debian=("lxc", "liblxc-common", "liblxc1t64")),
    Part(
        "zfs",
        "openzfs",
        debian=(
            *("zfsutils-linux", "zfs-zed", "libzfs6linux", "libzpool6linux", "libnvpair3linux"),
            "libuutil3linux",
        ),
        requires=("zfs-kmod = {zfs}",),
        version="{zfs}",
    ),
    Part(
        "zfs-dkms",
        "openzfs",
        paths=("/usr/share/standin/zfs/",),
        requires=("dkms", "kernel-devel"),
        provides=("zfs-kmod = {zfs}",),
        version="{zfs}",
    ),
    Part(REST, "baseos"),
)

MOVED: Mapping[str, str] = {
    "/usr/bin/busybox": "/usr/sbin/busybox",
    "/usr/bin/qemu-system-x86_64": "/usr/libexec/qemu-kvm",
}
"""Where files lie on CentOS, beyond what the two bases' definitions say; beginnings end in a slash."""

_LEFT_OUT = re.compile(
    r"""
    /(dev|proc|sys|run|tmp|var/tmp|var/cache|var/log|media|mnt|lost\+found)/.
    | /etc/(resolv\.conf|machine-id|hostname|fstab|mtab|motd|issue|issue\.net|\.updated|.*-)$
    | /var/\.updated$
    # No other package manager: what elements do, they do by what is there.
    | /(usr/(s?bin|share|lib|libexec)|etc/(cron\.\w+|logrotate\.d)|var/lib|etc)/(apt|dpkg|debconf)
    | /etc/debian_version$
    | /var/lib/rpm(/|$) | /usr/lib/sysimage/rpm(/|$)
    # Debian's dnf has plugins on that ask for repositories which are not there.
    | /etc/dnf/(plugins|dnf\.conf)
    | /usr/lib/python3/dist-packages/dnf-plugins/(?!download)
    # CentOS has it in EPEL only.
    | /usr/lib/systemd/system/systemd-networkd
    # Made by elements and by the build.
    | /usr/lib/locale/
    | /usr/lib/modules/[^/]+/modules\.(?!order|builtin)
    | /vmlinuz | /initrd\.img
    | .*/__pycache__(/|$)
    | .*[\[\]*?{}"%\\\s]
    """,
    re.VERBOSE,
)


def left_out(path: str, own: Iterable[str] = ()) -> bool:
    """Say whether no package gets a path; `own` are the files that this repository's elements bring."""
    return bool(_LEFT_OUT.match(path)) or path in own


def placed(path: str, moved: Mapping[str, str]) -> str:
    """Return where CentOS has what Debian has at a path."""
    if path in moved:
        return moved[path]
    for old, new in moved.items():
        if old.endswith("/") and path.startswith(old):
            return new + path.removeprefix(old)
    return path


def part_of(path: str, debian: str, parts: Sequence[Part] = PARTS) -> str:
    """Return the stand-in package of a path that the Debian package `debian`, if any, brought."""
    for part in parts:
        if debian and debian in part.debian:
            return part.name
        if any(path == one or (one[-1] in "/-" and path.startswith(one)) for one in part.paths):
            return part.name
    return REST
