"""What the image asks its bases' package managers for."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.images import Base, Image, load_base, load_image
from edgelinux_build.wanted import wanted_packages

ROOT = Path(__file__).resolve().parents[3]
IMAGE = load_image(ROOT, "edgelinux")


def by_name(base: Base, image: Image = IMAGE) -> dict[str, tuple[str, ...]]:
    return {wanted.name: wanted.by for wanted in wanted_packages(ROOT, image, base)}


@pytest.mark.parametrize("base", ["centos-stream-10", "almalinux-10-v2"])
def test_an_rpm_base_is_asked_for_its_own_names(base: str) -> None:
    found = by_name(load_base(ROOT, base))
    assert {"kernel", "NetworkManager", "qemu-kvm-core", "zfs", "zfs-dkms", "iproute"} <= found.keys()
    # mapped, or made from this repository, or the maps' own lists of wildcards
    assert not {"network-manager", "lsb_release", "edgelinux-hostd", "python3-pykickstart"} & found.keys()
    assert not [name for name in found if "*" in name or "{" in name]
    assert found["kernel"] == ("element yum-minimal",)
    assert found["kernel-devel-uname-r"] == (f"images/bases/{base}.yaml (zfs)",)


@pytest.mark.parametrize("base", ["centos-stream-10", "almalinux-10-v2"])
def test_release_10_is_asked_for_names_that_it_has(base: str) -> None:
    # yum-minimal's own map has them for 10-stream of centos only.
    found = by_name(load_base(ROOT, base))
    assert {"dhcpcd", "python3-distro"} <= found.keys()
    assert not {"dhcp-client", "redhat-lsb-core"} & found.keys()


def test_the_other_base_is_asked_for_its_names() -> None:
    found = by_name(load_base(ROOT, "debian-13"))
    assert {"linux-image-amd64", "network-manager", "zfs-dkms"} <= found.keys()
    assert "linux-image-arm64" not in found
    assert found["dosfstools"] == (
        "element edgelinux-base",
        "hostd/packaging/package.yaml",
        "kickstart/packaging/package.yaml",
    )


def test_the_image_names_packages_of_its_own_and_the_base_some_of_its_element() -> None:
    base = load_base(ROOT, "debian-13").model_copy(update={"bootstrap": ("busybox",)})
    found = by_name(base, IMAGE.model_copy(update={"packages": ("tmux",)}))
    assert found["tmux"] == ("images/edgelinux.yaml",)
    assert found["busybox"] == ("element debian-minimal itself",)


def test_dependencies_are_named_as_the_base_names_them() -> None:
    base = load_base(ROOT, "debian-13")
    packages = base.packages.model_copy(update={"names": {"qemu-utils": ("qemu-img", "qemu-tools")}})
    found = by_name(base.model_copy(update={"packages": packages}))
    assert found["qemu-img"] == found["qemu-tools"] == ("hostd/packaging/package.yaml",)
