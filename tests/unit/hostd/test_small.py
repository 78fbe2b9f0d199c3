"""ARC limit, host id, and the image's description."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd import bootconfig, hostid
from edgelinux_hostd import image as image_module
from edgelinux_hostd.arc import arc_max_bytes
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.grubcfg import TIMEOUT
from edgelinux_hostd.image import ImageInfo

GIB = 1024**3


@pytest.mark.parametrize(
    ("ram", "arc"),
    [
        (GIB // 4, GIB // 16),
        (2 * GIB, GIB // 4),
        (64 * GIB, 8 * GIB),
        (128 * GIB, 16 * GIB),
        (1024 * GIB, 16 * GIB),
    ],
)
def test_arc_is_an_eighth_and_at_most_16_gib(ram: int, arc: int) -> None:
    assert arc_max_bytes(ram) == arc


def test_hostids_are_random_and_never_zero() -> None:
    drawn = {hostid.new_hostid() for _ in range(100)}
    assert len(drawn) > 90
    assert all(0 < number <= 0xFFFFFFFF for number in drawn)


def test_hostid_bytes() -> None:
    assert hostid.hostid_bytes(0x12345678) == b"\x78\x56\x34\x12"
    assert hostid.parse_hostid(b"\x78\x56\x34\x12") == 0x12345678
    assert hostid.parse_hostid(b"") == 0


def test_image(tmp_path: Path, image: ImageInfo) -> None:
    path = tmp_path / image_module.IMAGE_JSON
    path.parent.mkdir(parents=True)
    path.write_text(image.model_dump_json(), encoding="utf-8")
    assert image_module.load(tmp_path) == image


def test_a_later_image_may_say_more(tmp_path: Path, image: ImageInfo) -> None:
    path = tmp_path / image_module.IMAGE_JSON
    path.parent.mkdir(parents=True)
    path.write_text(image.model_dump_json().replace("{", '{"new": 1, ', 1), encoding="utf-8")
    assert image_module.load(tmp_path).version == "2.1.0"


def test_a_tree_without_image(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match="is this an edgeLinux system"):
        image_module.load(tmp_path)


def test_an_image_that_is_wrong_names_the_key(tmp_path: Path, image: ImageInfo) -> None:
    path = tmp_path / image_module.IMAGE_JSON
    path.parent.mkdir(parents=True)
    path.write_text(image.model_dump_json().replace('"shim"', '"shin"'), encoding="utf-8")
    with pytest.raises(EdgeLinuxError, match=r"image.json: boot.shim: Field required"):
        image_module.load(tmp_path)


def test_boot_config_comes_back(tmp_path: Path) -> None:
    config = bootconfig.BootConfig(append=("console=tty0", "console=ttyS0,115200"), timeout=9)
    bootconfig.save(config, tmp_path)
    assert bootconfig.load(tmp_path) == config
    # A file of an older host knows no timeout.
    (tmp_path / bootconfig.BOOT_JSON).write_text('{"append": []}')
    assert bootconfig.load(tmp_path).timeout == TIMEOUT
    (tmp_path / bootconfig.BOOT_JSON).unlink()
    with pytest.raises(EdgeLinuxError, match=r"boot\.json"):
        bootconfig.load(tmp_path)
