"""docs/fleets.md: its example for virt-install is run, as far as libvirt's test driver goes."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from edgelinux_build.medium import files
from edgelinux_build.menu import Menu, live_arguments
from edgelinux_build.stage import Project

from tests.unit.build.standin import make_results, make_standin

PAGE = Path(__file__).resolve().parents[3] / "docs/fleets.md"

# Prints what it would define for the installation, and defines nothing.
DRY = 'virt-install() { command virt-install --connect test:///default --print-xml 1 "$@"; }\n'


def examples(word: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return [block for block in blocks if word in block]


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    if not shutil.which("virt-install"):
        pytest.fail("virt-install is missing; build/packages.txt lists it")


@pytest.fixture
def domain(project: Project, tmp_path: Path) -> ET.Element:
    """The domain that the example makes of a medium."""
    iso = make_standin(project, make_results(tmp_path / "results"), tmp_path)
    iso.rename(tmp_path / "edgelinux.iso")
    (script,) = examples("virt-install")
    done = subprocess.run(
        ["bash", "-euc", DRY + script],
        cwd=tmp_path,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return ET.fromstring(done.stdout)  # noqa: S314  (made here)


def text(domain: ET.Element, path: str) -> str:
    found = domain.find(path)
    assert found is not None, path
    return found.text or ""


def test_the_machine_has_two_disks_firmware_and_the_medium(domain: ET.Element, tmp_path: Path) -> None:
    disks = [disk for disk in domain.iterfind("devices/disk") if disk.get("device") == "disk"]
    assert [text(disk, "serial") for disk in disks] == ["edge1-a", "edge1-b"]
    assert {disk.find("target").get("bus") for disk in disks} == {"virtio"}  # type: ignore[union-attr]
    (cdrom,) = domain.iterfind("devices/disk[@device='cdrom']/source")
    assert cdrom.get("file") == str(tmp_path / "edgelinux.iso")
    system = domain.find("os")
    assert system is not None
    assert system.get("firmware") == "efi"
    feature = system.find("firmware/feature")
    assert feature is not None
    assert (feature.get("name"), feature.get("enabled")) == ("enrolled-keys", "no")
    assert int(text(domain, "memory")) >= 2 * 1024**2


def test_the_kernel_gets_what_the_mediums_own_menu_gives_it(domain: ET.Element, tmp_path: Path) -> None:
    words = text(domain, "os/cmdline").split()
    blkid = ["blkid", "-s", "LABEL", "-o", "value", str(tmp_path / "edgelinux.iso")]
    label = subprocess.run(blkid, check=True, capture_output=True, text=True).stdout.strip()
    menu = Menu(product="", version="", base_label="", label=label, unattended=True, serial="ttyS0,115200")
    assert {*live_arguments(menu).split(), "edgelinux.install"} <= set(words)
    assert "inst.ks=http://boot.example/edge1.ks" in words
    assert text(domain, "os/kernel").endswith("-vmlinuz")
    assert text(domain, "os/initrd").endswith("-initramfs.img")


def test_the_artefacts_that_the_page_names_are_on_the_medium() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path in (files.KERNEL, files.INITRAMFS, files.SQUASHFS, files.SQUASHFS_SUMS, files.KICKSTART):
        assert f"`{path}`" in page


def test_ironics_examples_boot_once_and_by_the_ramdisk_interface() -> None:
    both = examples("baremetal node set")
    assert len(both) == 2
    for script in both:
        assert "--deploy-interface ramdisk" in script
        assert "force_persistent_boot_device=Never" in script
    (network,) = [script for script in both if "kernel_append_params" in script]
    for word in ("root=live:", "edgelinux.medium=", "edgelinux.sha512=", "inst.ks=", "edgelinux.notify="):
        assert f" {word}" in network or f'"{word}' in network or f"\n{word}" in network
