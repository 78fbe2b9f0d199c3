"""The scripts of the elements that antlet templates are made of, run on small trees of both families."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ELEMENTS = Path(__file__).resolve().parents[3] / "elements"
ANTLET = ELEMENTS / "edgelinux-antlet"
KERNELS = ELEMENTS / "edgelinux-antlet-dracut"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for mounts of its own")


def write(tree: Path, *files: str, text: str = "x\n") -> None:
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_text(text)


def files_in(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file() or path.is_symlink()}


def instead(script: Path, places: dict[str, Path], stubs: Path, *arguments: str) -> None:
    """Run a script that works on the running system, with directories of ours in the place of its."""
    mounts = [f"mount --bind {ours} {theirs}" for theirs, ours in places.items()]
    shell = " && ".join([*mounts, 'exec "$0" "$@"'])
    argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", shell, str(script), *arguments]
    subprocess.run(argv, check=True, env={**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}"})


def stub(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(("after", "at"), [("0", "05"), ("1", "09")])
def test_the_package_manager_is_told_before_the_base_or_right_after_it(
    tmp_path: Path, after: str, at: str
) -> None:
    hooks = tmp_path / "hooks"
    shutil.copytree(ANTLET / "antlet-package-manager", hooks / "antlet-package-manager")
    shutil.copytree(ANTLET / "root.d", hooks / "root.d")
    write(tmp_path / "pins", "etc/pins")
    for name in ("05", "09"):
        tree = tmp_path / name
        write(tree, "etc/dnf/dnf.conf", text="[main]\ngpgcheck=1\n")
        env = {
            **os.environ,
            "TARGET_ROOT": str(tree),
            "EDGELINUX_PACKAGE_MANAGER": str(tmp_path / "pins"),
            "EDGELINUX_PACKAGE_MANAGER_AFTER": after,
        }
        subprocess.run([hooks / f"root.d/{name}-edgelinux-antlet-pins"], check=True, env=env)
    told, untouched = tmp_path / at, tmp_path / ({"05", "09"} - {at}).pop()
    assert files_in(untouched) == {"etc/dnf/dnf.conf"}
    assert files_in(told) >= {"etc/pins", "etc/rpm/macros.edgelinux-antlet"}
    assert (told / "etc/dnf/dnf.conf").read_text() == "[main]\ngpgcheck=1\ninstall_weak_deps=False\n"


def clean(tree: Path) -> None:
    """Run what is run after the last package, in its order."""
    env = {**os.environ, "TARGET_ROOT": str(tree), "EDGELINUX_EPOCH": "1700000000"}
    for script in sorted((ANTLET / "cleanup.d").iterdir()):
        subprocess.run([script], check=True, env=env)


def tree_with_everything(tree: Path) -> Path:
    """What both families have, after the build's files of both were laid in."""
    shutil.copytree(ANTLET / "antlet-package-manager", tree)
    write(
        tree, "etc/ssh/ssh_host_rsa_key", "etc/hostname", "etc/resolv.conf", "var/log/dnf.log", "usr/local/x"
    )
    write(tree, "etc/default/useradd", "etc/machine-id", text="1234\n")
    write(tree, "etc/shadow", text="root:*:19999:0:99999:7:::\n")
    (tree / "run").mkdir()
    return tree


def test_a_tree_of_rpms_is_left_without_sources_identity_and_debian_files(tmp_path: Path) -> None:
    tree = tree_with_everything(tmp_path / "tree")
    write(tree, "usr/lib/rpm/macros", "etc/yum.repos.d/centos.repo", "var/cache/dnf/baseos/repomd.xml")
    write(tree, "etc/dnf/dnf.conf", text="[main]\ngpgcheck=1\ninstall_weak_deps=False\n")
    clean(tree)
    assert files_in(tree) == {
        "etc/default/useradd",
        "etc/dnf/dnf.conf",
        "etc/fstab",
        "etc/hosts",
        "etc/locale.conf",
        "etc/machine-id",
        "etc/motd",
        "etc/rpm/macros.edgelinux-antlet",
        "etc/shadow",
        "usr/lib/rpm/macros",
    }
    assert (tree / "etc/dnf/dnf.conf").read_text() == "[main]\ngpgcheck=1\n"
    assert (tree / "etc/machine-id").read_text() == ""
    assert (tree / "etc/shadow").read_text() == "root:*:19675:0:99999:7:::\n"


def test_a_tree_of_debs_keeps_what_dpkg_was_told(tmp_path: Path) -> None:
    tree = tree_with_everything(tmp_path / "tree")
    write(
        tree,
        "var/lib/dpkg/status",
        "etc/apt/sources.list",
        "usr/share/doc/a/copyright",
        "usr/share/doc/a/NEWS",
    )
    (tree / "etc/resolv.conf.antlet").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    clean(tree)
    found = files_in(tree)
    assert {
        "etc/dpkg/dpkg.cfg.d/edgelinux-antlet",
        "etc/default/locale",
        "usr/share/doc/a/copyright",
    } <= found
    assert not {"etc/apt/sources.list", "usr/share/doc/a/NEWS", "etc/rpm/macros.edgelinux-antlet"} & found
    assert str((tree / "etc/resolv.conf").readlink()) == "../run/systemd/resolve/stub-resolv.conf"


def units(tmp_path: Path, *there: str) -> tuple[Path, list[str]]:
    """Run the script that decides about units; gives /etc as it is then, and what systemctl was asked."""
    etc, folder, log = tmp_path / "etc", tmp_path / "units", tmp_path / "asked"
    shutil.copytree(ANTLET / "static/etc", etc)
    folder.mkdir()
    log.touch()
    write(folder, *there)
    stubs = stub(tmp_path / "stubs", "systemctl", f'echo "$@" >> {log}')
    script = ANTLET / "post-install.d/90-edgelinux-antlet-units"
    instead(script, {"/etc": etc, "/usr/lib/systemd/system": folder}, stubs)
    return etc, log.read_text().splitlines()


@as_root
def test_a_base_with_networkd_has_its_network_by_it(tmp_path: Path) -> None:
    etc, asked = units(tmp_path, "systemd-networkd.service", "systemd-resolved.service")
    assert "enable systemd-networkd.service systemd-resolved.service" in asked
    assert "enable edgelinux-antlet-keys.service" in asked
    assert not (etc / "NetworkManager").exists()
    assert (etc / "systemd/network/80-edgelinux.network").is_file()
    assert (etc / "resolv.conf.antlet").is_symlink()


@as_root
def test_a_base_with_networkmanager_has_its_network_by_it(tmp_path: Path) -> None:
    etc, asked = units(tmp_path, "NetworkManager.service", "sshd-keygen@.service")
    assert "enable NetworkManager.service" in asked
    assert "disable NetworkManager-wait-online.service" in asked
    # The base makes the host keys, but for those that take long.
    assert "mask sshd-keygen@rsa.service" in asked
    assert "enable edgelinux-antlet-keys.service" not in asked
    profile = etc / "NetworkManager/system-connections/edgelinux.nmconnection"
    # Others may not read it, or NetworkManager passes it over (nm-settings-keyfile(5)).
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    assert not (etc / "systemd/network/80-edgelinux.network").exists()
    assert not (etc / "resolv.conf.antlet").is_symlink()


@as_root
def test_a_base_without_either_fails_the_build(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        units(tmp_path, "sshd.service")


@as_root
def test_the_boot_loaders_links_follow_the_kernels(tmp_path: Path) -> None:
    boot, made = tmp_path / "boot", tmp_path / "made"
    boot.mkdir()
    stubs = stub(tmp_path / "stubs", "dracut", f'echo "$@" >> {made}; echo initramfs > "$2"')
    script = KERNELS / "static/etc/kernel/install.d/95-edgelinux-antlet.install"

    def kernel(command: str, version: str) -> tuple[str, str]:
        write(tmp_path, f"{version}/vmlinuz", text=version)
        instead(script, {"/boot": boot}, stubs, command, version, "", str(tmp_path / version / "vmlinuz"))
        return (boot / "vmlinuz").read_text(), str((boot / "initramfs.img").readlink())

    assert kernel("add", "6.12.0-9") == ("6.12.0-9", "initramfs-6.12.0-9.img")
    # One that dracut's own script has made is kept.
    (boot / "initramfs-6.12.0-10.img").write_text("theirs")
    assert kernel("add", "6.12.0-10") == ("6.12.0-10", "initramfs-6.12.0-10.img")
    assert made.read_text() == "--force /boot/initramfs-6.12.0-9.img 6.12.0-9\n"
    # An older one, and what kernel-install says besides, change nothing.
    assert kernel("add", "6.12.0-8") == ("6.12.0-10", "initramfs-6.12.0-10.img")
    assert kernel("inspect", "6.12.0-7") == ("6.12.0-10", "initramfs-6.12.0-10.img")
    assert kernel("remove", "6.12.0-10") == ("6.12.0-9", "initramfs-6.12.0-9.img")
    assert not (boot / "vmlinuz-6.12.0-10").exists()
    # A loader that runs before the machine is up finds it beside the link.
    assert str((boot / "vmlinuz").readlink()) == "vmlinuz-6.12.0-9"


@as_root
def test_a_kernel_without_initramfs_is_not_started(tmp_path: Path) -> None:
    boot = tmp_path / "boot"
    boot.mkdir()
    stubs = stub(tmp_path / "stubs", "dracut", "exit 1")
    write(tmp_path, "vmlinuz")
    script = KERNELS / "static/etc/kernel/install.d/95-edgelinux-antlet.install"
    with pytest.raises(subprocess.CalledProcessError):
        instead(script, {"/boot": boot}, stubs, "add", "6.12.0-9", "", str(tmp_path / "vmlinuz"))
    assert not (boot / "vmlinuz").is_symlink()
