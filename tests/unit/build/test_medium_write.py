"""The medium as the ISO stage writes it, read back with other tools."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from edgelinux_build.medium.write import Cut, xorriso_argv
from edgelinux_build.stage import Project
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer import medium_check

from tests.unit.build.standin import make_results, make_standin


def test_the_command_for_the_medium() -> None:
    files: dict[str, Path | Cut] = {"boot/vmlinuz": Path("/k"), "live/x": Cut(Path("/old.iso"), 2048, 5)}
    argv = [str(word) for word in xorriso_argv("L_0", 0, Path("/o.iso"), Path("/esp"), Path("/mbr"), files)]
    text = " ".join(argv)
    assert text.startswith("xorriso -no_rc -as mkisofs -o /o.iso -V L_0")
    assert "--modification-date=1970010100000000" in text
    assert "-append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B /esp --grub2-mbr /mbr" in text
    assert (
        "-b boot/grub/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info" in text
    )
    assert "-eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot" in text
    assert text.endswith("/boot/vmlinuz=/k -- -cut_out /old.iso 2048 5 /live/x -find / -exec mkisofs_r --")


def extract(iso: Path, tree: Path) -> Path:
    """What is seen of an ISO when it is mounted."""
    argv: list[str | Path] = ["xorriso", "-no_rc", "-osirrox", "on", "-indev", iso, "-extract", "/", tree]
    subprocess.run(argv, check=True, capture_output=True)
    return tree


@pytest.fixture
def iso(project: Project, tmp_path: Path) -> Path:
    return make_standin(project, make_results(tmp_path / "results"), tmp_path)


def test_the_checksums_on_the_medium_are_right(iso: Path, tmp_path: Path) -> None:
    tree = extract(iso, tmp_path / "tree")
    listed = subprocess.run(
        ["sha512sum", "--strict", "-c", "SHA512SUMS"], cwd=tree, check=True, capture_output=True, text=True
    )
    checked = {line.removesuffix(": OK") for line in listed.stdout.splitlines()}
    there = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert there - checked == {"SHA512SUMS", "boot/grub/eltorito.img"}
    assert checked >= {"live/edgelinux.squashfs", "boot/vmlinuz", "edgelinux/ks.cfg", ".disk/info"}


def test_the_live_system_finds_the_medium_whole(
    iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = extract(iso, tmp_path / "tree")
    monkeypatch.setattr(medium_check, "disk_of", lambda mountinfo, mount_point: iso)
    assert re.fullmatch(
        r"MEDIUM OK: EDGELINUX_[0-9A-F]{8}, 14 files and 3 boot images are as they were made",
        medium_check.check_medium(tree, print),
    )
    # Another medium's boot images are not this one's.
    other = tmp_path / "other"
    other.write_bytes(iso.read_bytes().replace(b"--label EDGELINUX_", b"--label EDGELINUS_"))
    monkeypatch.setattr(medium_check, "disk_of", lambda mountinfo, mount_point: other)
    with pytest.raises(EdgeLinuxError, match="MEDIUM DAMAGED: the EFI system partition is damaged"):
        medium_check.check_medium(tree, print)


def test_the_same_inputs_make_the_same_medium(project: Project, tmp_path: Path) -> None:
    digests = {
        hashlib.sha256(
            make_standin(
                project, make_results(tmp_path / name / "results"), tmp_path, name=name + "/made"
            ).read_bytes()
        ).hexdigest()
        for name in ("one", "two")
    }
    assert len(digests) == 1
