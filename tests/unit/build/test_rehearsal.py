"""What the rehearsal decides: which file goes into which stand-in package, what it changes of the base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from edgelinux_build.images import load_base, load_image
from edgelinux_build.wanted import wanted_packages

from tests import run
from tests.rehearsal.content import moves, own_files
from tests.rehearsal.definitions import BASE, copy_repository, with_keys
from tests.rehearsal.packages import spec
from tests.rehearsal.parts import PARTS, REST, left_out, part_of, placed

ROOT = Path(__file__).resolve().parents[3]
VALUES = {"kernel": "6.12.1+deb13-amd64", "kernel_version": "6.12.1+deb13-amd64", "zfs": "2.3.9"}


def test_it_is_part_of_the_tests_and_comes_after_the_build() -> None:
    names = [phase.name for phase in run.phases()]
    assert names.index("build") < names.index("rehearsal")


@pytest.mark.parametrize(
    ("path", "debian", "part"),
    [
        ("/usr/sbin/zfs", "zfsutils-linux", "zfs"),
        ("/usr/lib/modules/6.12/kernel/fs/ext4.ko.xz", "linux-image-6.12", "kernel"),
        ("/usr/share/seabios/bios.bin", "seabios", "qemu-kvm-core"),
        ("/etc/passwd", "", "setup"),
        ("/etc/passwd.d", "", REST),
        ("/usr/bin/bash", "bash", REST),
    ],
)
def test_the_package_of_a_file(path: str, debian: str, part: str) -> None:
    assert part_of(path, debian) == part


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("/usr/bin/dpkg-deb", True),
        ("/usr/bin/apt-get", True),
        ("/etc/apt", True),
        ("/etc/resolv.conf", True),
        ("/usr/bin/[", True),
        ("/var/lib/rpm", True),
        ("/usr/lib/python3/dist-packages/dnf-plugins/local.py", True),
        ("/usr/lib/python3/dist-packages/dnf-plugins/download.py", False),
        ("/usr/bin/dnf", False),
        ("/tmp", False),
        ("/etc/passwd", False),
        ("/etc/passwd-", True),
    ],
)
def test_what_no_package_gets(path: str, *, out: bool) -> None:
    assert left_out(path) == out


def test_what_elements_bring_is_not_there_before(tmp_path: Path) -> None:
    own = own_files(ROOT)
    assert "/usr/lib/edgelinux/dracut/live.conf" in own
    assert "/etc/selinux/config" in own
    assert left_out("/usr/lib/edgelinux/dracut/live.conf", own)


def test_files_lie_where_centos_has_them() -> None:
    debian, centos = load_base(ROOT, "debian-13"), load_base(ROOT, BASE)
    moved = moves(debian, centos, "6.12.1")
    assert placed("/boot/vmlinuz-6.12.1", moved) == "/usr/lib/modules/6.12.1/vmlinuz"
    assert placed(debian.boot.shim, moved) == centos.boot.shim
    assert placed("/usr/bin/bash", moved) == "/usr/bin/bash"


def test_every_name_that_the_image_wants_is_there_once() -> None:
    image, base = load_image(ROOT, "edgelinux"), load_base(ROOT, BASE)
    names = [wanted.name for wanted in wanted_packages(ROOT, image, base)]
    text = spec({}, VALUES, names, Path("/lists"))
    provided = [
        line.split()[1] for line in text.splitlines() if line.startswith(("Provides:", "Name:", "%package"))
    ]
    provided = [name for name in provided if name != "-n"] + [part.name for part in PARTS]
    assert {name.split()[0] for name in names} <= set(provided)
    # The one that stands in for the modules is made by the build.
    assert "Requires: zfs-kmod = 2.3.9" in text
    assert "Provides: kernel-devel-uname-r = 6.12.1+deb13-amd64" in text
    assert "Version: 6.12.1+deb13\nRelease: amd64\n" in text


def test_nothing_of_the_base_is_changed_but_keys() -> None:
    base: dict[str, Any] = yaml.safe_load((ROOT / f"images/bases/{BASE}.yaml").read_text(encoding="utf-8"))
    keys = base["mirrors"]["keys"]
    changed = with_keys(base, dict.fromkeys(keys, "0" * 40))
    for name, key in changed["mirrors"]["keys"].items():
        assert key["fingerprint"] == "0" * 40
        assert key["file"] == keys[name]["file"]
    assert {**changed, "mirrors": {**changed["mirrors"], "keys": keys}} == base


def test_the_copy_is_what_git_knows_and_what_is_new(tmp_path: Path) -> None:
    copy = copy_repository(ROOT, tmp_path / "copy")
    assert (copy / f"images/bases/{BASE}.yaml").is_file()
    assert (copy / "tests/unit/build/test_rehearsal.py").is_file()
    assert not (copy / ".git").exists()
    assert not (copy / ".venv").exists()
