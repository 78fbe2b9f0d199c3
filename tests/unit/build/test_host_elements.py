"""The host's elements on bases of the Red Hat family: what is laid into the tree, and what it does there."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from edgelinux_build.images import load_base, load_bases, load_image
from edgelinux_build.wanted import wanted_packages

ROOT = Path(__file__).resolve().parents[3]
ELEMENTS = ROOT / "elements"
IMAGE = load_image(ROOT, "edgelinux")
FAMILY = "redhat"
REDHAT = [base for base in load_bases(ROOT) if base.family == FAMILY]


def laid(tmp_path: Path, **environment: str) -> Path:
    """Lay what the image's elements have beside the package manager's files into a tree, as a build does."""
    hooks, tree = tmp_path / "hooks", tmp_path / "tree"
    tree.mkdir()
    for name in IMAGE.elements:
        for folder in ("package-manager", "root.d", f"family-{FAMILY}"):
            if (ELEMENTS / name / folder).is_dir():
                shutil.copytree(ELEMENTS / name / folder, hooks / folder, symlinks=True, dirs_exist_ok=True)
    for script in sorted((hooks / "root.d").iterdir()):
        env = {**os.environ, "TARGET_ROOT": str(tree), **environment}
        subprocess.run([script], check=True, env=env)
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return laid(tmp_path, **load_base(ROOT, "centos-stream-10").environment)


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def wanted(base: str) -> set[str]:
    return {one.name for one in wanted_packages(ROOT, IMAGE, load_base(ROOT, base))}


def masked(path: Path) -> bool:
    return path.is_symlink() and path.readlink() == Path("/dev/null")


def test_bases_of_the_family_say_so() -> None:
    assert {base.name for base in REDHAT} == {"centos-stream-10", "almalinux-10-v2"}
    for base in REDHAT:
        assert base.environment["EDGELINUX_FAMILY"] == FAMILY


def test_other_bases_get_nothing_of_it(tmp_path: Path) -> None:
    tree = laid(tmp_path, **load_base(ROOT, "debian-13").environment)
    shared = set[str]()
    for name in IMAGE.elements:
        if (ELEMENTS / name / "package-manager").is_dir():
            shared |= below(ELEMENTS / name / "package-manager")
    assert below(tree) == shared


@pytest.mark.skipif(not shutil.which("kernel-install"), reason="needs kernel-install")
@pytest.mark.parametrize("ours", [True, False])
def test_a_kernel_package_makes_no_initramfs_and_no_menu(tmp_path: Path, tree: Path, ours: bool) -> None:
    # As the scriptlet of kernel-core does it; the plugin stands for those of dracut, grub2 and systemd.
    boot, kernel, plugin = tmp_path / "boot", tmp_path / "vmlinuz", tmp_path / "50-dracut.install"
    boot.mkdir()
    kernel.write_text("kernel")
    plugin.write_text(f"#!/bin/sh\necho made > {tmp_path}/initramfs\n")
    plugin.chmod(0o755)
    etc = tree / "etc/kernel"
    switch = etc / "install.d/00-edgelinux.install"
    if not ours:
        (etc / "install.conf").write_text(f"layout=bls\nBOOT_ROOT={boot}\n")
        switch = plugin
    # The first in the order of names, whichever directory it is in.
    assert sorted([switch, plugin], key=lambda path: path.name)[0] == switch
    env = {
        **os.environ,
        "KERNEL_INSTALL_CONF_ROOT": str(etc),
        "KERNEL_INSTALL_PLUGINS": f"{switch} {plugin}",
        "BOOT_ROOT": str(boot),
        "MACHINE_ID": "0" * 32,
    }
    subprocess.run(["kernel-install", "add", "6.12.0-1.el10.x86_64", kernel], check=True, env=env)
    assert (tmp_path / "initramfs").exists() is not ours
    assert list(boot.iterdir()) == [] or not ours


def test_nothing_of_the_base_writes_to_where_a_boot_loader_would_look(tree: Path) -> None:
    # It would set a mark in /boot/grub2/grubenv, which no host reads, and fail.
    assert masked(tree / "etc/systemd/user/grub-boot-success.timer")


def held(tree: Path, tmp_path: Path) -> Path:
    """Run the script that holds kernel and ZFS on a tree; returns dnf's configuration."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "pkg-map").write_text("#!/bin/sh\necho 'kernel* zfs*'\n")
    (programs / "pkg-map").chmod(0o755)
    script = (ELEMENTS / "edgelinux-host/post-install.d/60-edgelinux-hold").read_text(encoding="utf-8")
    script = script.replace("apt-mark", "no-apt-mark").replace("/etc/dnf", f"{tree}/etc/dnf")
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", script], check=True, env=env)
    return tree / "etc/dnf/dnf.conf"


def test_dnf_takes_what_is_named_and_holds_kernel_and_zfs(tree: Path, tmp_path: Path) -> None:
    # dnf 4 takes settings of [main] only.
    parser = configparser.ConfigParser()
    parser.read(held(tree, tmp_path), encoding="utf-8")
    assert parser.sections() == ["main"]
    main = parser["main"]
    assert (main["install_weak_deps"], main["gpgcheck"]) == ("False", "1")
    assert main["excludepkgs"].split() == ["kernel*", "zfs*"]


@pytest.mark.skipif(not shutil.which("dnf"), reason="needs dnf")
def test_dnf_reads_it(tree: Path, tmp_path: Path) -> None:
    program = (
        "import dnf.conf, sys; c = dnf.conf.Conf(); c.read(sys.argv[1]);"
        "print(c.install_weak_deps, c.gpgcheck, *c.excludepkgs)"
    )
    argv = ["/usr/bin/python3", "-c", program, str(held(tree, tmp_path))]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout == "False True kernel* zfs*\n"


@pytest.mark.parametrize("base", [base.name for base in REDHAT])
def test_an_image_does_without_what_a_server_of_the_base_comes_with(base: str) -> None:
    servers = {"cockpit", "firewalld", "kdump-utils", "kexec-tools", "rsyslog", "tuned"}
    unwanted = servers | {
        "subscription-manager",
        "dracut-config-rescue",
        "NetworkManager-initscripts-ifcfg-rh",
    }
    assert wanted(base) & unwanted == set()


def test_one_unit_makes_the_host_keys(tree: Path) -> None:
    # sshd-keygen@.service would make the same files at the same time, and an RSA key.
    assert masked(tree / "etc/systemd/system/sshd-keygen.target")
    unit = ELEMENTS / "edgelinux-host/static/usr/lib/systemd/system/edgelinux-host-keys.service"
    assert "sshd.service" in unit.read_text(encoding="utf-8")


def test_sshd_keeps_to_the_systems_crypto_policy() -> None:
    # The first value counts, and the base's 40-redhat-crypto-policies.conf comes later (sshd_config(5)).
    file = ELEMENTS / "edgelinux-host/static/etc/ssh/sshd_config.d/10-edgelinux.conf"
    words = {line.split()[0] for line in file.read_text(encoding="utf-8").splitlines() if line[:1].isalpha()}
    assert words == {"PasswordAuthentication", "KbdInteractiveAuthentication", "PermitRootLogin"}


@pytest.mark.parametrize("base", [base.name for base in REDHAT])
def test_selinux_enforces_and_has_what_it_takes(tree: Path, base: str) -> None:
    config = (tree / "etc/selinux/config").read_text(encoding="utf-8").splitlines()
    assert {"SELINUX=enforcing", "SELINUXTYPE=targeted"} <= set(config)
    assert {"selinux-policy-targeted", "policycoreutils"} <= wanted(base)
    assert wanted("debian-13") & {"selinux-policy-targeted", "policycoreutils"} == set()


@pytest.mark.skipif(not shutil.which("matchpathcon"), reason="needs matchpathcon")
def test_antlets_are_labelled_as_libvirts_images_are(tree: Path) -> None:
    files, active = tree / "etc/selinux/targeted/contexts/files", tree / "var/lib/selinux/targeted/active"
    for folder in (files, active):
        folder.mkdir(parents=True)
    (files / "file_contexts").write_text("/.* system_u:object_r:default_t:s0\n")
    (active / "file_contexts.local").write_text("/srv(/.*)? system_u:object_r:var_t:s0\n")
    script = (ELEMENTS / "edgelinux-virt/post-install.d/60-edgelinux-labels").read_text(encoding="utf-8")
    for place in ("/etc/selinux", "/var/lib/selinux", "/usr/lib"):
        script = script.replace(place, f"{tree}{place}")
    subprocess.run(["bash", "-c", script], check=True)
    found = {}
    filters = "/var/lib/edgelinux/antlet-filter.nft"
    for path in ("/antlets", "/antlets/web1/disks/a.raw", "/antlets/web1/rootfs/etc/shadow", filters, "/srv"):
        argv = ["matchpathcon", "-n", "-f", str(files / "file_contexts"), path]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        found[path] = done.stdout.strip()
    assert found == {
        "/antlets": "system_u:object_r:virt_image_t:s0",
        "/antlets/web1/disks/a.raw": "system_u:object_r:virt_image_t:s0",
        "/antlets/web1/rootfs/etc/shadow": "<<none>>",
        filters: "system_u:object_r:etc_t:s0",
        "/srv": "system_u:object_r:default_t:s0",
    }
    # What semodule(8) makes that file from.
    assert (files / "file_contexts.local").read_text() in (active / "file_contexts.local").read_text()
    assert "/srv" in (active / "file_contexts.local").read_text()


@pytest.mark.parametrize("base", [base.name for base in REDHAT])
def test_containers_get_a_list_of_forbidden_system_calls(base: str) -> None:
    # common.seccomp is in the package of LXC's templates there.
    assert {"lxc", "lxc-templates"} <= wanted(base)
    assert "lxc-templates" not in wanted("debian-13")


def test_connections_are_keyfiles(tree: Path) -> None:
    parser = configparser.ConfigParser()
    parser.read(tree / "usr/lib/NetworkManager/conf.d/20-edgelinux-keyfile.conf", encoding="utf-8")
    assert parser["main"]["plugins"] == "keyfile"


def test_a_live_system_starts_neither_kind_of_libvirt(tree: Path) -> None:
    preset = ELEMENTS / "edgelinux-virt/static/usr/lib/systemd/system-preset/20-edgelinux-virt.preset"
    lines = preset.read_text(encoding="utf-8").splitlines()
    enabled = {line.split()[1] for line in lines if line.startswith("enable ")}
    units = [
        ELEMENTS / "edgelinux-live/static/usr/lib/edgelinux/live-units",
        tree / "usr/lib/edgelinux/live-units",
    ]
    assert enabled - {path.name for folder in units for path in folder.iterdir() if masked(path)} == set()


def test_a_live_system_from_the_network_knows_both_names_of_networkmanagers_units(tree: Path) -> None:
    # dracut takes NetworkManager's own units where there are some, and its own else.
    module = "usr/lib/dracut/modules.d/90edgelinux-live/netmedium-units"
    for unit, key in (("edgelinux-netmedium", "After"), ("edgelinux-netmedium-network", "Before")):
        drop_in = tree / module / f"{unit}.service.d/networkmanager-units.conf"
        named = set[str]()
        for file in (ELEMENTS / "edgelinux-live/static" / module / f"{unit}.service", drop_in):
            lines = file.read_text(encoding="utf-8").splitlines()
            named |= {
                word for line in lines if line.startswith(f"{key}=") for word in line.split("=")[1].split()
            }
        assert {"nm-initrd.service", "nm-wait-online-initrd.service"} <= named, unit
        assert {
            "NetworkManager-initrd.service",
            "NetworkManager-wait-online-initrd.service",
        } <= named, unit


@pytest.mark.parametrize(
    ("manager", "stays", "goes"),
    [
        ("usr/lib/rpm/macros", {"etc/rpm"}, {"etc/apt", "etc/dpkg"}),
        ("var/lib/dpkg/status", {"etc/apt", "etc/dpkg"}, {"etc/rpm"}),
    ],
)
def test_the_host_keeps_what_its_own_package_manager_was_told(
    tmp_path: Path, manager: str, stays: set[str], goes: set[str]
) -> None:
    """The two package managers' files are laid down before there is either."""
    tree = tmp_path / "tree"
    shutil.copytree(ELEMENTS / "edgelinux-base/package-manager", tree)
    for file in (manager, "etc/fstab", "etc/motd", "usr/share/locale/x", "usr/local/x", "var/log/x"):
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).touch()
    script = ELEMENTS / "edgelinux-host/cleanup.d/97-edgelinux-build-traces"
    subprocess.run([script], check=True, env={**os.environ, "TARGET_ROOT": str(tree)})
    assert all((tree / folder).is_dir() for folder in stays)
    assert not any((tree / folder).exists() for folder in goes)
