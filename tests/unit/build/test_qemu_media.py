"""Disks, and what is read from an ISO."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from edgelinux_build.qemu import media
from edgelinux_hostd.errors import EdgeLinuxError

INSTALL = "edgelinux.install"
MENU = """
set default=0
if [ -f /x ]; then
  set root="(${disk})"
fi
# menuentry "not this" {
menuentry "Live system" {
  linux /boot/vmlinuz root=live:CDLABEL=X rd.live.image
}
menuentry "Install" --hotkey=i {
  linux /boot/vmlinuz root=live:CDLABEL=X rd.live.image edgelinux.install
}
menuentry "Boot from disk" {
  exit
}
"""

SUBMENU = """
menuentry "Live" { linux /boot/vmlinuz rd.live.image
}
submenu "Install ..." --id install-menu {
  set timeout=-1
  menuentry "Back" {
    configfile ($root)/boot/grub/grub.cfg
  }
  menuentry "Yes" {
    linux /boot/vmlinuz edgelinux.install
  }
}
menuentry "Boot from disk" {
  if [ -n "${installed}" ]; then
    exit
  fi
}
"""


def test_the_menu_entry_that_installs() -> None:
    assert media.menu_entry(MENU, INSTALL) == (1,)
    assert media.menu_entry(MENU.replace("edgelinux.install", "edgelinux.installed"), INSTALL) is None
    assert media.menu_entry("", INSTALL) is None


def test_the_menu_entry_that_installs_in_a_submenu() -> None:
    assert media.menu_entry(SUBMENU, INSTALL) == (1, 1)


def test_an_iso_is_told_by_its_bytes(tmp_path: Path) -> None:
    iso, disk = tmp_path / "a", tmp_path / "b"
    iso.write_bytes(bytes(0x8001) + b"CD001\x01")
    disk.write_bytes(b"QFI\xfb")
    assert media.is_iso(iso)
    assert not media.is_iso(disk)
    assert media.disk_format(disk) == "qcow2"
    assert media.disk_format(iso) == "raw"


@pytest.mark.parametrize("size", ["", "12 G", "-1", "1G,backing_file=/etc/shadow", "twelve"])
def test_bad_disk_sizes(size: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match="disk size"):
        media.create_disk(tmp_path / "d", size)


def test_a_failing_tool_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 1, "", "first\nno space left on device\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(EdgeLinuxError, match="qemu-img failed: no space left on device"):
        media.create_disk(tmp_path / "d", "1G")


def test_other_isos_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def extract(iso: Path, inside: str, target: Path) -> Path:
        target.write_text("[]")
        return target

    monkeypatch.setattr(media, "extract", extract)
    with pytest.raises(EdgeLinuxError, match="is not an edgeLinux ISO"):
        media.read_iso(tmp_path / "x.iso", tmp_path)
