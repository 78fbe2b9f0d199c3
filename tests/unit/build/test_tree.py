from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from edgelinux_build.tree import make_layer_folder, overlay
from edgelinux_hostd.errors import EdgeLinuxError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")

LAYERS = """\
    import sys
    from pathlib import Path
    from edgelinux_build import namespace
    from edgelinux_build.tree import capture_in, mounted_for_chroot, overlay

    namespace.enter()
    folder = Path(sys.argv[1])
    low, upper = folder / "low", folder / "upper"
    (low / "etc").mkdir(parents=True)
    (low / "etc/old").write_text("old")
    with overlay(folder / "first", [low], upper) as tree:
        (tree / "etc/old").unlink()
        (tree / "etc/new").write_text("new")
        with mounted_for_chroot(tree):
            assert (tree / "proc/self").exists()
            assert (tree / "dev/null").is_char_device()
            assert not (tree / "sys/kernel").stat().st_dev == tree.stat().st_dev
        assert not (tree / "proc/self").exists()
    with overlay(folder / "second", [upper, low]) as tree:
        print(sorted(path.name for path in (tree / "etc").iterdir()))
        try:
            (tree / "etc/more").write_text("")
        except OSError as error:
            print(error.strerror)
    print(sorted(path.name for path in folder.iterdir()))
"""

UNSUPPORTED = """\
    import sys
    from pathlib import Path
    from edgelinux_build import namespace
    from edgelinux_build.tree import overlay
    from edgelinux_hostd.errors import EdgeLinuxError

    namespace.enter()
    folder = Path(sys.argv[1])
    (folder / "low").mkdir()
    with overlay(folder / "first", [folder / "low"], folder / "upper") as tree:
        try:
            with overlay(tree / "again", [folder / "low"], tree / "upper"):
                print("mounted")
        except EdgeLinuxError as error:
            print(error)
"""


def run_script(text: str, folder: Path) -> str:
    argv = [sys.executable, "-c", textwrap.dedent(text), str(folder)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@needs_root
def test_layers_on_layers(tmp_path: Path) -> None:
    lines = run_script(LAYERS, tmp_path).splitlines()
    assert lines == ["['new']", "Read-only file system", "['first', 'low', 'second', 'upper']"]
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


@needs_root
def test_a_file_system_without_overlay_is_one_clear_line(tmp_path: Path) -> None:
    output = run_script(UNSUPPORTED, tmp_path)
    assert "cannot be used for overlay mounts (file system overlay)" in output
    assert "set XDG_CACHE_HOME to a directory on ext4, xfs or btrfs" in output
    assert output.count("\n") == 1


def test_paths_that_the_mount_options_cannot_hold(tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    with pytest.raises(EdgeLinuxError, match="overlay mounts cannot use"), overlay(folder / "t", [folder]):
        pass


def test_folders_of_a_layer_have_the_mode_of_every_tree(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        path = make_layer_folder(tmp_path, "usr/lib/edgelinux")
    finally:
        os.umask(before)
    assert path == tmp_path / "usr/lib/edgelinux"
    assert {folder.stat().st_mode & 0o777 for folder in (path, path.parent, path.parent.parent)} == {0o755}
