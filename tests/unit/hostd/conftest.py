"""What the tests of hostd share: recorded outputs, an image, and programs that only pretend."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from edgelinux_hostd.image import BootFiles, ImageInfo

DATA = Path(__file__).parent / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # FastAPI of the host's series beside a pydantic that is newer than the host's: it warns, to no effect.
    mark = pytest.mark.filterwarnings("ignore:.*alias.* attribute with value:UserWarning")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(mark)


@pytest.fixture
def recorded() -> Callable[[str], str]:
    return lambda name: (DATA / name).read_text(encoding="utf-8")


@pytest.fixture
def image() -> ImageInfo:
    return ImageInfo(
        product="edgeLinux OS",
        name="edgelinux",
        version="2.1.0",
        base="base-1",
        base_label="Base 1",
        cpu_level="x86-64-v1",
        kernel="6.12.1",
        zfs="2.3.9",
        kernel_args=("mitigations=auto",),
        kernel_path="/boot/vmlinuz-6.12.1",
        initramfs_path="/boot/initramfs-6.12.1.img",
        boot=BootFiles(
            shim="/usr/lib/shim/shimx64.efi.signed",
            mokmanager="/usr/lib/shim/mmx64.efi.signed",
            grub_efi="/usr/lib/grub/grubx64.efi.signed",
            grub_efi_prefix="/EFI/base",
            grub_pc="/usr/lib/grub/i386-pc",
        ),
    )


@pytest.fixture
def root(tmp_path: Path, image: ImageInfo) -> Path:
    """A tree that holds the image's boot files, each with its own path as content."""
    tree = tmp_path / "tree"
    boot = image.boot
    for path in (image.kernel_path, image.initramfs_path, boot.shim, boot.mokmanager, boot.grub_efi):
        file = tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path, encoding="utf-8")
    modules = tree / boot.grub_pc.lstrip("/")
    modules.mkdir(parents=True)
    (modules / "normal.mod").write_text("normal", encoding="utf-8")
    return tree


class Programs:
    """Stands in for `subprocess.run` in edgelinux_hostd.run: records what runs, answers by the first word."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}

    def run(self, argv: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
        self.ran.append(list(argv))
        returncode, stdout, stderr = self.answers.get(argv[0], (0, "", ""))
        return subprocess.CompletedProcess(list(argv), returncode, stdout, stderr)

    def names(self) -> list[str]:
        return [argv[0] for argv in self.ran]


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    fake = Programs()
    monkeypatch.setattr("edgelinux_hostd.run.subprocess.run", fake.run)
    return fake
