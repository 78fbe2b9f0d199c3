"""`edgelinux pxe tree`: what machines boot from, laid out from an ISO; and the trees that are refused."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from edgelinux_build.medium.image import open_iso
from edgelinux_build.menu import Menu
from edgelinux_build.pxe.configs import (
    StaticBoot,
    check_url,
    first_grub_cfg,
    first_ipxe,
    grub_device,
    static_grub_cfg,
    static_ipxe,
)
from edgelinux_build.pxe.layout import check_tree
from edgelinux_build.pxe.tree import make_tree
from edgelinux_build.stage import Project
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.grub import SCRIPT_CHECK
from tests.unit.build.standin import make_results, make_standin
from tests.unit.build.test_medium_embed import edgelinux
from tests.unit.build.test_medium_inspect import damage

URL = "http://192.0.2.1:8080/edge"


@pytest.fixture
def iso(project: Project, tmp_path: Path) -> Path:
    return make_standin(project, make_results(tmp_path / "results"), tmp_path, kickstart="rootpw hunter2\n")


def files(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def test_a_tree_has_what_all_kinds_of_firmware_start(iso: Path, tmp_path: Path) -> None:
    tree = tmp_path / "new/tree"
    assert edgelinux("pxe", "tree", iso, "--out", tree) == 0
    assert files(tree) == {
        "EFI/BOOT/BOOTX64.EFI",
        "EFI/BOOT/grubx64.efi",
        "EFI/BOOT/mmx64.efi",
        "bios/core.0",
        "medium/SHA512SUMS",
        "medium/boot/initramfs.img",
        "medium/boot/vmlinuz",
        "medium/edgelinux/media.json",
        "medium/live/SHA512SUMS",
        "medium/live/edgelinux.squashfs",
    }
    results = tmp_path / "results"
    for name, source in {
        "EFI/BOOT/BOOTX64.EFI": "BOOTX64.EFI",  # shim, from the EFI system partition
        "EFI/BOOT/mmx64.efi": "mmx64.efi",
        "EFI/BOOT/grubx64.efi": "loader/net/grubx64.efi",  # not the one that boots the ISO
        "bios/core.0": "loader/net/core.0",
        "medium/live/edgelinux.squashfs": "squashfs/edgelinux.squashfs",
        "medium/boot/vmlinuz": "squashfs/vmlinuz",
    }.items():
        assert (tree / name).read_bytes() == (results / source).read_bytes(), name
    assert check_tree(tree).label == open_iso(iso).label
    assert {path.name for path in tree.parent.iterdir()} == {"tree"}


def test_its_checksums_are_of_what_is_there(iso: Path, tmp_path: Path) -> None:
    make_tree(iso, tmp_path / "tree")
    argv = ["sha512sum", "--strict", "--check", "SHA512SUMS"]
    checked = subprocess.run(argv, cwd=tmp_path / "tree/medium", check=True, capture_output=True, text=True)
    assert "live/edgelinux.squashfs: OK" in checked.stdout


def test_the_kickstart_is_not_shown_to_everybody(iso: Path, tmp_path: Path) -> None:
    make_tree(iso, tmp_path / "tree", url=URL)
    for path in (tmp_path / "tree").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path
    make_tree(iso, tmp_path / "open", url=URL, with_kickstart=True)
    assert "hunter2" in (tmp_path / "open/medium/edgelinux/ks.cfg").read_text(encoding="utf-8")
    for name in ("grub/grub.cfg", "boot.ipxe"):
        text = (tmp_path / "open" / name).read_text(encoding="utf-8")
        assert f"inst.ks={URL}/medium/edgelinux/ks.cfg" in text


def test_a_web_server_needs_nothing_else(
    iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    ks = "http://192.0.2.1/a.ks"
    assert edgelinux("pxe", "tree", iso, "--out", tree, "--url", f"{URL}/", "--kickstart", ks) == 0
    assert "docs/netboot.md" in capsys.readouterr().out
    grub = (tree / "grub/grub.cfg").read_text(encoding="utf-8")
    assert subprocess.run([SCRIPT_CHECK], input=grub, text=True).returncode == 0
    digest = (tree / "medium/live/SHA512SUMS").read_text(encoding="utf-8").split()[0]
    for text in (grub, (tree / "boot.ipxe").read_text(encoding="utf-8")):
        assert f"edgelinux.medium={URL}/medium edgelinux.sha512={digest}" in text
        assert f"inst.ks={ks}" in text
    # What is fetched is there, where it is said to be.
    paths = re.findall(r"\(http,192\.0\.2\.1:8080\)/edge/(\S+)", grub)
    assert set(paths) == {"medium/boot/vmlinuz", "medium/boot/initramfs.img"}
    assert all((tree / path).is_file() for path in paths)


@pytest.mark.parametrize(
    "words",
    [
        ("--kickstart", "http://x/y"),
        ("--with-kickstart",),
        ("--url", URL, "--kickstart=a", "--with-kickstart"),
    ],
)
def test_options_that_do_not_belong_together(iso: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert edgelinux("pxe", "tree", iso, "--out", tmp_path / "tree", *words) == 2
    assert not (tmp_path / "tree").exists()


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    code = edgelinux("pxe", "tree", *words)
    said = capsys.readouterr().err
    assert code in (1, 2)
    assert said.count("\n") == 1, said
    return said


def test_a_truncated_iso(iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with iso.open("r+b") as file:
        file.truncate(iso.stat().st_size - 4096)
    assert "is cut off" in refused(capsys, iso, "--out", tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_something_else_than_an_iso(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.iso"
    other.write_bytes(bytes(100_000))
    assert "is not an ISO" in refused(capsys, other, "--out", tmp_path / "tree")
    (tmp_path / "readme").write_text("x")
    argv = ["xorriso", "-as", "mkisofs", "-o", str(other), str(tmp_path / "readme")]
    subprocess.run(argv, check=True, capture_output=True)
    assert "is not an edgeLinux ISO" in refused(capsys, other, "--out", tmp_path / "tree")


@pytest.mark.parametrize("name", ["live/edgelinux.squashfs", "boot/net/grubx64.efi"])
def test_a_damaged_iso_leaves_nothing(
    iso: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(iso, open_iso(iso).extents[name].offset + 100)
    there = tmp_path / "there"
    assert f"{name} is damaged" in refused(capsys, iso, "--out", there / "tree")
    assert list(there.iterdir()) == []


def test_a_damaged_efi_system_partition(
    iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = open_iso(iso).uefi()
    damage(iso, where.offset + where.size - 100)
    assert "the EFI system partition is damaged" in refused(capsys, iso, "--out", tmp_path / "tree")


def test_an_iso_without_boot_loaders_for_the_network(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = project.base.model_copy(
        update={"boot": project.base.boot.model_copy(update={"grub_efi_net_prefix": ""})}
    )
    old = make_standin(project, make_results(tmp_path / "results"), tmp_path, base=base)
    assert "build it again" in refused(capsys, old, "--out", tmp_path / "tree")


def test_what_is_there_is_not_overwritten(
    iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    make_tree(iso, tree)
    assert "--force replaces" in refused(capsys, iso, "--out", tree)
    (tree / "boot.ipxe").write_text("old")
    assert edgelinux("pxe", "tree", iso, "--out", tree, "--force") == 0
    assert not (tree / "boot.ipxe").exists()
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter").write_text("dear")
    assert "is not a network boot tree" in refused(capsys, iso, "--out", home, "--force")
    assert (home / "letter").read_text() == "dear"


def test_a_failure_keeps_the_old_tree(iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "place/tree"
    make_tree(iso, tree)
    before = files(tree)
    damage(iso, open_iso(iso).extents["boot/vmlinuz"].offset)
    assert "boot/vmlinuz is damaged" in refused(capsys, iso, "--out", tree, "--force")
    assert files(tree) == before
    assert [path.name for path in tree.parent.iterdir()] == ["tree"]


def test_everybody_may_read_a_tree(iso: Path, tmp_path: Path) -> None:
    make_tree(iso, tmp_path / "tree", url=URL)
    for path in (tmp_path / "tree", *(tmp_path / "tree").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_a_tree_in_json(iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgelinux("pxe", "tree", iso, "--out", tmp_path / "tree", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tree"] == str(tmp_path / "tree")
    assert found["version"] == "1.2.3"


def test_a_tree_that_lost_something(iso: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match="is not a network boot tree"):
        check_tree(tmp_path)
    make_tree(iso, tmp_path / "tree")
    (tmp_path / "tree/medium/boot/vmlinuz").unlink()
    with pytest.raises(EdgeLinuxError, match="has no medium/boot/vmlinuz"):
        check_tree(tmp_path / "tree")


@pytest.mark.parametrize(
    ("url", "device"),
    [
        ("http://192.0.2.1", "(http,192.0.2.1)"),
        ("http://192.0.2.1:8080", "(http,192.0.2.1:8080)"),
        ("http://boot.example:80/", "(http,boot.example)"),
        ("http://boot.example:8080/a/b/", "(http,boot.example:8080)/a/b"),
    ],
)
def test_urls_as_grub_has_them(url: str, device: str) -> None:
    assert grub_device(url) == device


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://boot.example/", "they speak http only"),
        ("ftp://boot.example/", "cannot be booted from"),
        ("http://boot.example/$x", "cannot be booted from"),
        ("http://boot.example/a b", "cannot be booted from"),
        ("http://boot.example:70000/", "cannot be booted from"),
    ],
)
def test_urls_that_a_boot_loader_cannot_use(url: str, why: str) -> None:
    with pytest.raises(EdgeLinuxError, match=re.escape(why)):
        check_url(url)


BOOT = StaticBoot(
    Menu("Small OS", "1.2.3", "Base 1", "EDGELINUX_0", False, "ttyS0,115200", ("quiet",)), URL, "0" * 128
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("first.cfg", first_grub_cfg("http://192.0.2.1:8080")),
        ("first.ipxe", first_ipxe("http://192.0.2.1:8080")),
        ("static.cfg", static_grub_cfg(BOOT)),
        ("static.ipxe", static_ipxe(BOOT)),
    ],
)
def test_what_boot_loaders_read_first(name: str, text: str) -> None:
    assert text == (Path(__file__).parent / "golden_pxe" / name).read_text(encoding="utf-8")
    if name.endswith("cfg"):
        assert subprocess.run([SCRIPT_CHECK], input=text, text=True).returncode == 0
    else:
        assert text.startswith("#!ipxe\n")
        labels = set(re.findall(r"^:(\w+)", text, re.M))
        assert set(re.findall(r"goto (\w+)", text)) <= labels
        assert set(re.findall(r"^item (\w+)", text, re.M)) <= labels
