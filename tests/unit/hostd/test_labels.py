"""SELinux labels, set by the real setfiles on files of this machine, with a policy of the test's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.labels import file_contexts, setfiles_argv
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
