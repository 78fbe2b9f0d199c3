"""SELinux labels, set by the real setfiles on files of this machine, with a policy of the test's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.labels import file_contexts, label_machine, label_rules, setfiles_argv
from edgelinux_hostd.run import run

CONTEXTS = """\
/.* system_u:object_r:default_t:s0
/etc(/.*)? system_u:object_r:etc_t:s0
/etc/shadow -- system_u:object_r:shadow_t:s0
/usr/bin(/.*)? system_u:object_r:bin_t:s0
/antlets(/.*)? <<none>>
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc/selinux/targeted/contexts/files").mkdir(parents=True)
    (root / "etc/selinux/targeted/contexts/files/file_contexts").write_text(CONTEXTS)
    (root / "etc/selinux/config").write_text(
        "SELINUX=enforcing\n# SELINUXTYPE= one of\nSELINUXTYPE=targeted\n"
    )
    for name in ("etc/shadow", "etc/fstab", "usr/bin/antlet", "proc/1", "antlets/TEMPLATES/tiny"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


def label(path: Path) -> str:
    try:
        return os.getxattr(path, "security.selinux").rstrip(b"\0").decode()
    except OSError:
        return ""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setfiles"), reason="needs root and setfiles of policycoreutils"
)
def test_every_file_gets_the_label_of_its_place_in_the_tree(tree: Path) -> None:
    os.setxattr(tree / "etc/fstab", "security.selinux", b"system_u:object_r:tmp_t:s0\0")
    run(setfiles_argv(tree, file_contexts(tree), ["/proc", "/antlets"]))
    assert {name: label(tree / name) for name in ("etc/shadow", "etc/fstab", "usr/bin/antlet")} == {
        "etc/shadow": "system_u:object_r:shadow_t:s0",
        "etc/fstab": "system_u:object_r:etc_t:s0",
        "usr/bin/antlet": "system_u:object_r:bin_t:s0",
    }
    assert label(tree / "proc/1") == ""
    assert label(tree / "antlets/TEMPLATES/tiny") == ""


def test_the_root_is_named_only_where_it_is_another() -> None:
    found = setfiles_argv(Path("/"), Path("/etc/selinux/file_contexts"), ["/proc"])
    assert found == ["setfiles", "-F", "-e", "/proc", "/etc/selinux/file_contexts", "/"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("no config", r"has no SELinux policy: /etc/selinux/config: No such file or directory"),
        ("no type", r"names no policy \(SELINUXTYPE=targeted, for one\)"),
        ("no policy", r"has no policy mls: there is no .*/etc/selinux/mls/contexts/files/file_contexts"),
    ],
)
def test_a_tree_without_a_policy(tree: Path, change: str, said: str) -> None:
    config = tree / "etc/selinux/config"
    if change == "no config":
        config.unlink()
    else:
        config.write_text("SELINUX=enforcing\n" if change == "no type" else "SELINUXTYPE=mls\n")
    with pytest.raises(EdgeLinuxError, match=said):
        file_contexts(tree)


IMAGE = "system_u:object_r:virt_image_t:s0"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    directory = tmp_path / "antlets/web1"
    (directory / "disks").mkdir(parents=True)
    for name in ("disks/a.raw", "antlet.yaml"):
        (directory / name).write_text("")
    (directory / "disks/link").symlink_to(directory / "antlet.yaml")
    return directory


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_machine_can_be_led_to_its_disks(machine: Path, tmp_path: Path) -> None:
    # As libvirt leaves it when a host goes down.
    os.setxattr(machine / "disks/a.raw", "security.selinux", b"system_u:object_r:svirt_image_t:s0:c1,c2\0")
    label_machine(machine, tmp_path)
    for path in (machine.parent, machine, machine / "disks", machine / "disks/a.raw"):
        assert label(path) == IMAGE, path
    assert label(machine / "antlet.yaml") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_rules_can_be_read_by_a_unit(tmp_path: Path) -> None:
    rules = tmp_path / "antlet-filter.nft"
    label_rules(rules, tmp_path)
    rules.write_text("")
    label_rules(rules, tmp_path)
    assert label(rules) == "system_u:object_r:etc_t:s0"


def test_without_selinux_nothing_is_labelled(machine: Path, tmp_path: Path) -> None:
    label_machine(machine, tmp_path / "sys/fs/selinux/enforce")
    assert label(machine / "disks/a.raw") == ""


def test_a_label_that_cannot_be_given_keeps_no_machine_from_starting(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    label_machine(machine, tmp_path)
    assert f"{machine}/disks/a.raw cannot be labelled for SELinux: Operation not supported" in caplog.text
