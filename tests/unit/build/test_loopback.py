"""The web server for programs in a chroot, asked as they ask."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from edgelinux_build.loopback import serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mirror/repodata").mkdir(parents=True)
    (tmp_path / "mirror/repodata/repomd.xml").write_bytes(b"<repomd/>")
    (tmp_path / "mirror/with space+plus.rpm").write_bytes(b"rpm")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "mirror/link").symlink_to(tmp_path / "secret")
    return tmp_path / "mirror"


def get(url: str) -> bytes | int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 loopback
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.code


def test_files_below_the_directories_and_nothing_else(folder: Path) -> None:
    with serving({"baseos": folder}) as url:
        assert url.startswith("http://127.0.0.1:")
        assert get(f"{url}/baseos/repodata/repomd.xml") == b"<repomd/>"
        assert get(f"{url}/baseos/repodata/repomd.xml?arch=x86_64") == b"<repomd/>"
        assert get(f"{url}/baseos/with%20space+plus.rpm") == b"rpm"
        for path in ("baseos", "baseos/", "baseos/repodata/", "other/repodata/repomd.xml", "baseos/link", ""):
            assert get(f"{url}/{path}") == 404, path
        for path in ("baseos/../secret", "baseos/%2e%2e/secret", "baseos//etc/passwd", "/etc/passwd"):
            assert get(f"{url}/{path}") == 404, path


def test_nobody_answers_afterwards(folder: Path) -> None:
    with serving({"baseos": folder}) as url:
        pass
    with pytest.raises(urllib.error.URLError):
        get(f"{url}/baseos/repodata/repomd.xml")
