"""Files below a guest's root: no link that a guest made leads out of it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.files import write_in_root
from edgelinux_hostd.antlets.identity import write_identity, write_ssh_keys
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.errors import EdgeLinuxError

SPEC = AntletSpec(name="web1", number=25, uuid=UUID(int=1), kind="lxc", ram=64, cpu=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "hostname").write_text("the host's")
    return tmp_path / "root"


def test_identity_is_written(root: Path) -> None:
    write_identity(root, SPEC)
    write_ssh_keys(root, ["ssh-ed25519 AAAA one"])
    assert (root / "etc/hostname").read_text() == "web1\n"
    assert "web1.bblv" in (root / "etc/hosts").read_text()
    keys = root / "root/.ssh/authorized_keys"
    assert keys.read_text() == "ssh-ed25519 AAAA one\n"
    assert keys.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_a_link_to_the_host_is_replaced_and_not_followed(root: Path) -> None:
    (root / "etc/hostname").symlink_to(root.parent / "host/hostname")
    write_identity(root, SPEC)
    assert (root.parent / "host/hostname").read_text() == "the host's"
    assert not (root / "etc/hostname").is_symlink()


def test_a_directory_that_is_a_link_to_the_host_is_refused(root: Path) -> None:
    (root / "etc").rmdir()
    (root / "etc").symlink_to(root.parent / "host")
    with pytest.raises(EdgeLinuxError, match="etc/hostname"):
        write_in_root(root, "etc/hostname", "web1\n")
    assert (root.parent / "host/hostname").read_text() == "the host's"


@pytest.mark.parametrize("path", ["../host/hostname", "etc/../../host/hostname", ""])
def test_paths_that_leave_the_root_are_refused(root: Path, path: str) -> None:
    with pytest.raises(EdgeLinuxError):
        write_in_root(root, path, "x")
    assert (root.parent / "host/hostname").read_text() == "the host's"
