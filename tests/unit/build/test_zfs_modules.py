"""A kernel that ZFS does not support: the compiler's own words are shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")

RUN = """\
    import sys
    from pathlib import Path
    from edgelinux_build import namespace
    from edgelinux_build.cache import Result
    from edgelinux_build.mirrors import MirrorUrls
    from edgelinux_build.process import StageError
    from edgelinux_build.stage import Context
    from edgelinux_build.stages.zfs_modules import ZfsModules
    from tests.unit.build.fakes import make_project, make_repository

    namespace.enter()
    folder = Path(sys.argv[1])
    project = make_project(make_repository(folder / "repository"), folder / "out")
    for name in ("scratch", "made"):
        (folder / name).mkdir()
    facts = {"kernel": "6.1", "zfs": "2.3.9", "modules": "", "packages": {}}
    root = Result("root-tree", "key", folder / "root", "identity", {}, facts)
    context = Context(
        project,
        {"root-tree": root},
        folder / "scratch",
        folder / "log",
        lambda: MirrorUrls("http://mirror.invalid"),
        lambda text: None,
    )
    try:
        ZfsModules().run(context, folder / "made")
    except StageError as error:
        print(error.message)
        print(*error.lines, sep="\\n")
    print(sorted(path.name for path in (folder / "made").iterdir()))
"""

LOG = """\
  CC [M]  /build/module/zfs/arc.o
/build/module/zfs/arc.c:12:5: error: implicit declaration of function 'shrinker_register'
make[3]: *** [scripts/Makefile.build:229: module/zfs/arc.o] Error 1
"""


def make_tree(tree: Path, compile_: str) -> None:
    """A tree in which scripts run, with the build host's own shell."""
    shell = Path(shutil.which("bash") or "/bin/bash").resolve()
    said = subprocess.run(["ldd", shell], check=True, capture_output=True, text=True).stdout
    for file in (shell, *(Path(name) for name in re.findall(r"(/\S+) \(0x", said))):
        target = tree / str(file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.resolve(), target)
        target.chmod(0o755)
    for name, text in {"load-index": "", "depmod": "", "list-packages": "", "compile": compile_}.items():
        script = tree / "usr/bin" / name
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f"#!{shell}\n{text}", encoding="utf-8")
        script.chmod(0o755)
    (tree / "usr/lib/modules/6.1").mkdir(parents=True)
    (tree / "var/log").mkdir(parents=True)


def run_stage(folder: Path) -> str:
    """What the stage says, and what it left."""
    argv = [sys.executable, "-c", textwrap.dedent(RUN), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_root
@pytest.mark.parametrize(("status", "last"), [("1", ""), ("0", "no module was compiled")])
def test_the_compilers_own_words_are_shown(tmp_path: Path, status: str, last: str) -> None:
    text = f'echo -n "$(</compile.log)" > /var/log/compile.log\necho {last or "failed"}\nexit {status}\n'
    make_tree(tmp_path / "root/tree", text)
    (tmp_path / "root/tree/compile.log").write_text(LOG, encoding="utf-8")
    first, *lines = run_stage(tmp_path).splitlines()
    assert first == (
        "compiling ZFS failed: /build/module/zfs/arc.c:12:5: error: implicit declaration of function "
        "'shrinker_register'"
    )
    assert any("Makefile.build:229" in line for line in lines)
    # Nothing half-done is there for stages that come after.
    assert lines[-1] == "[]"


@needs_root
def test_a_compilation_that_says_nothing(tmp_path: Path) -> None:
    make_tree(tmp_path / "root/tree", "exit 0\n")
    assert run_stage(tmp_path).splitlines()[0] == "no module was compiled into /usr/lib/modules/6.1/extra"
