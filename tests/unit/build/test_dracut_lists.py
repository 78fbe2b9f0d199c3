"""The complete lists of modules that both initramfs are made of, against what the bases' dracut has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATIONS = ROOT / "elements/edgelinux-live/static/usr/lib/edgelinux/dracut"

# Those that an initramfs for any machine may need, of all in EL 10's dracut 105
# with dracut-live and dracut-network (github.com/redhat-plumbers/dracut-rhel10, .distro/dracut.spec).
_EL10 = """
base bash btrfs crypt dbus dbus-broker dbus-daemon dm dmsquash-live dmsquash-live-autooverlay dracut-systemd
fs-lib fstab-sys hwdb i18n img-lib kernel-modules kernel-modules-extra kernel-network-modules livenet lvm
mdraid modsign net-lib network network-manager nvmf overlayfs qemu qemu-net rootfs-block selinux
shell-interpreter shutdown systemd systemd-ask-password systemd-initrd systemd-journald systemd-ldconfig
systemd-modules-load systemd-sysctl systemd-sysusers systemd-tmpfiles systemd-udevd terminfo udev-rules
url-lib usrmount virtfs virtiofs watchdog
"""
EL10 = frozenset(_EL10.split())
# One and the same name with its number before it, as dracut wants it.
OURS = frozenset(
    re.sub(r"^\d\d", "", folder.name)
    for place in ("elements/edgelinux-live/static/usr/lib/dracut/modules.d", "hostd/dracut")
    for folder in (ROOT / place).iterdir()
)


def listed(kind: str, programs: Path) -> list[str]:
    """Give the modules that dracut is told to take, in a tree with these programs."""
    script = 'PATH=$2; . "$1"; for module in $dracutmodules; do echo "$module"; done'
    argv = [
        "/bin/bash",
        "-eu",
        "-c",
        f'dracutmodules="" filesystems="" add_drivers="" omit_drivers=""; {script}',
    ]
    done = subprocess.run(
        [*argv, "dracut", CONFIGURATIONS / f"{kind}.conf", programs],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("there", "taken", "not_taken"),
    [
        (("dbus-daemon",), "dbus-daemon", "dbus-broker"),
        (("dbus-broker",), "dbus-broker", "dbus-daemon"),
        # Both in one initramfs are an error to dracut.
        (("dbus-broker", "dbus-daemon"), "dbus-broker", "dbus-daemon"),
    ],
)
def test_the_bus_is_the_one_that_the_base_has(
    tmp_path: Path, there: tuple[str, ...], taken: str, not_taken: str
) -> None:
    for name in there:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    modules = listed("live", tmp_path)
    assert (modules.count("dbus"), modules.count(taken), modules.count(not_taken)) == (1, 1, 0)


@pytest.mark.parametrize("kind", ["live", "installed"])
def test_every_module_is_there(tmp_path: Path, kind: str) -> None:
    # dracut ends with an error when one that it was told to take is not.
    assert set(listed(kind, tmp_path)) - EL10 - OURS == set()
