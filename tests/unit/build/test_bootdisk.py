from __future__ import annotations

import shutil
import stat
import struct
import subprocess
from pathlib import Path

import pytest
from edgelinux_build.bootdisk import FIRST, SECTOR, Entry, cpio, first_sectors
from edgelinux_hostd.errors import EdgeLinuxError

BOOT = b"\xeb" * 512
CORE = b"core" * 300


def test_the_first_sectors_have_boot_code_table_and_core() -> None:
    made = first_sectors(BOOT, CORE, 131072)
    assert len(made) == FIRST * SECTOR
    assert made[:440] == BOOT[:440]
    assert made[510:512] == b"\x55\xaa"
    status, kind, start, count = struct.unpack("<B3xB3xII", made[446:462])
    assert (status, kind, start, count) == (0x80, 0x83, FIRST, 131072 - FIRST)
    assert made[462:510] == bytes(48)
    assert made[SECTOR : SECTOR + len(CORE)] == CORE


def test_a_core_that_would_reach_into_the_partition_is_refused() -> None:
    with pytest.raises(EdgeLinuxError, match="does not fit before the partition"):
        first_sectors(BOOT, bytes((FIRST - 1) * SECTOR + 1), 131072)


@pytest.mark.skipif(not shutil.which("cpio"), reason="needs cpio")
def test_cpio_itself_reads_the_initramfs(tmp_path: Path) -> None:
    entries = [
        Entry("bin", stat.S_IFDIR | 0o755),
        Entry("bin/tool", stat.S_IFREG | 0o755, b"odd"),
        Entry("init", stat.S_IFREG | 0o644, b"#!/bin/tool\n"),
    ]
    subprocess.run(
        ["cpio", "--extract", "--quiet"], input=cpio(entries, 1_700_000_000), cwd=tmp_path, check=True
    )
    assert (tmp_path / "bin/tool").read_bytes() == b"odd"
    assert stat.S_IMODE((tmp_path / "bin/tool").stat().st_mode) == 0o755
    assert (tmp_path / "init").read_text() == "#!/bin/tool\n"


def test_the_same_entries_give_the_same_initramfs() -> None:
    entries = [Entry("init", stat.S_IFREG | 0o755, b"x")]
    assert cpio(entries, 7) == cpio(entries, 7)
    assert cpio(entries, 7) != cpio(entries, 8)
    assert len(cpio(entries, 7)) % 4 == 0
