"""Unpacking kernel modules for the initramfs."""

import lzma
from pathlib import Path

import pytest
from edgelinux_build.modules import unpack_modules
from edgelinux_hostd.errors import EdgeLinuxError


def test_packed_modules_are_unpacked_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    drivers = tmp_path / "kernel" / "drivers"
    drivers.mkdir(parents=True)
    (drivers / "nvme.ko.xz").write_bytes(lzma.compress(b"nvme"))
    (drivers / "ahci.ko").write_bytes(b"ahci")
    (tmp_path / "modules.dep").write_text("")
    assert unpack_modules(tmp_path, jobs=2) == 1
    assert (drivers / "nvme.ko").read_bytes() == b"nvme"
    assert (drivers / "ahci.ko").read_bytes() == b"ahci"
    assert not (drivers / "nvme.ko.xz").exists()


def test_a_damaged_module_is_named(tmp_path: Path) -> None:
    (tmp_path / "zfs.ko.xz").write_bytes(b"not xz")
    with pytest.raises(EdgeLinuxError, match=r"zfs\.ko\.xz"):
        unpack_modules(tmp_path, jobs=1)
