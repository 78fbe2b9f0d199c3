from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.cache import Cache
from edgelinux_build.inputs import Json
from edgelinux_build.mirrors import MirrorUrls
from edgelinux_build.process import StageError, run_logged
from edgelinux_build.runner import Builder
from edgelinux_build.stage import Context, Project, Stage
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import FAKES, Goal, Independent, Recorder, Root

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


@pytest.fixture
def made(project: Project) -> Project:
    (project.root / "root.txt").write_text("one", encoding="utf-8")
    return project


def builder(project: Project, folder: Path, stages: tuple[Stage, ...] = FAKES) -> Builder:
    return Builder(project, Cache(folder / "cache"), stages, Recorder())


def said(build: Builder) -> list[str]:
    assert isinstance(build.reporter, Recorder)
    return build.reporter.said


def test_a_first_build_and_one_with_nothing_changed(made: Project, tmp_path: Path) -> None:
    first = builder(made, tmp_path)
    result = first.run(first.plan())
    assert (made.out / "small.iso").read_bytes() == b"iso"
    assert sorted(path.name for path in made.out.iterdir()) == [
        "SHA256SUMS",
        "manifest.json",
        "small.iso",
        "timings.json",
    ]
    assert set(first.seconds) == {"root", "side", "independent", "iso"}
    assert "independent: at work" in said(first)
    second = builder(made, tmp_path)
    steps = second.plan()
    assert {step.action for step in steps} == {"cached"}
    assert second.run(steps).key == result.key
    assert second.seconds == {}


def test_a_stage_whose_inputs_turn_out_the_same_is_not_run(made: Project, tmp_path: Path) -> None:
    first = builder(made, tmp_path)
    first.run(first.plan())
    (made.root / "root.txt").write_text("two", encoding="utf-8")
    second = builder(made, tmp_path)
    second.run(second.plan())
    assert "side: cached" in said(second)
    assert set(second.seconds) == {"root", "iso"}


def test_forcing(made: Project, tmp_path: Path) -> None:
    first = builder(made, tmp_path)
    first.run(first.plan())
    second = builder(made, tmp_path)
    second.run(second.plan(["side"]))
    assert set(second.seconds) == {"side", "iso"}


def test_an_iso_that_was_changed_is_made_again(made: Project, tmp_path: Path) -> None:
    first = builder(made, tmp_path)
    first.run(first.plan())
    (made.out / "small.iso").write_bytes(b"cut")
    later = time.time() + 10
    os.utime(made.out / "small.iso", (later, later))
    assert builder(made, tmp_path).plan()[-1].action == "run"


class Failing(Independent):
    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        raise StageError("compiling failed", lines=["cc: error: no"], hint="do this")


def test_after_a_build_that_failed_another_one_runs_programs(made: Project, tmp_path: Path) -> None:
    class Failing(Independent):
        def run(self, ctx: Context, out: Path) -> dict[str, Json]:
            raise EdgeLinuxError("no")

    class Running(Independent):
        def run(self, ctx: Context, out: Path) -> dict[str, Json]:
            run_logged(["true"], ctx.log)
            return {}

    stages = (FAKES[0], FAKES[1], Failing(), FAKES[3])
    failing = builder(made, tmp_path, stages)
    with pytest.raises(EdgeLinuxError, match="independent: no"):
        failing.run(failing.plan())
    another = builder(made, tmp_path, (FAKES[0], FAKES[1], Running(), FAKES[3]))
    assert another.run(another.plan()).stage == "iso"


def test_a_failing_stage(made: Project, tmp_path: Path) -> None:
    build = builder(made, tmp_path, (Root(), FAKES[1], Failing(), Goal()))
    with pytest.raises(EdgeLinuxError) as caught:
        build.run(build.plan())
    log = tmp_path / "cache/logs/small-base-1/independent.log"
    assert str(caught.value) == f"independent: compiling failed (do this; log: {log})"
    assert "cc: error: no" in said(build)
    assert build.cache.results("independent") == []
    assert not made.out.exists()


class Meddling(Root):
    def run(self, ctx: Context, out: Path) -> dict[str, Json]:
        (ctx.project.root / "root.txt").write_text("changed meanwhile", encoding="utf-8")
        return super().run(ctx, out)


def test_files_that_change_under_a_running_stage_do_not_end_up_under_the_old_key(
    made: Project, tmp_path: Path
) -> None:
    build = builder(made, tmp_path, (Meddling(), *FAKES[1:]))
    with pytest.raises(EdgeLinuxError, match="root: files it is made from changed while it ran"):
        build.run(build.plan())
    assert build.cache.results("root") == []


class Downloading(Root):
    downloads = True


def test_without_a_mirror_nothing_is_built(made: Project, tmp_path: Path) -> None:
    def none() -> MirrorUrls:
        raise EdgeLinuxError("no mirror of Base 1 answers", exit_code=4)

    build = replace(builder(made, tmp_path, (Downloading(), *FAKES[1:])), find_mirrors=none)
    with pytest.raises(EdgeLinuxError, match=r"^no mirror of Base 1 answers$") as caught:
        build.run(build.plan())
    assert caught.value.exit_code == 4
    assert said(build) == []
    assert not list((tmp_path / "cache").rglob("*"))


def test_without_a_mirror_what_is_cached_still_becomes_an_iso(made: Project, tmp_path: Path) -> None:
    def none() -> MirrorUrls:
        raise EdgeLinuxError("no mirror", exit_code=4)

    stages = (Downloading(), *FAKES[1:])
    first = replace(builder(made, tmp_path, stages), find_mirrors=lambda: MirrorUrls("http://m.example"))
    first.run(first.plan())
    second = replace(builder(replace(made, kickstart="# other\n"), tmp_path, stages), find_mirrors=none)
    second.run(second.plan())
    assert set(second.seconds) == {"iso"}


class Huge(Root):
    space = 2**60


def test_too_little_space_is_said_before_anything_is_built(made: Project, tmp_path: Path) -> None:
    build = builder(made, tmp_path, (Huge(), *FAKES[1:]))
    with pytest.raises(
        EdgeLinuxError, match=r"building needs 1073741824.0 GiB in .*, [0-9.]+ GiB are free"
    ) as caught:
        build.run(build.plan())
    assert caught.value.exit_code == 5
    assert said(build) == []


SCRIPT = """\
    import sys, time
    from pathlib import Path
    from edgelinux_build import namespace
    from edgelinux_build.cache import Cache
    from edgelinux_build.images import load_base, load_image
    from edgelinux_build.process import run_logged
    from edgelinux_build.runner import Builder
    from edgelinux_build.stage import Project
    from edgelinux_build.tree import mounted_for_chroot, overlay
    from edgelinux_hostd.errors import EdgeLinuxError
    from edgelinux_hostd.run import run
    from tests.unit.build.fakes import FAKES, Recorder, Root

    what, root, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

    class Slow(Root):
        def run(self, ctx, out):
            lower = ctx.scratch / "lower"
            lower.mkdir()
            with overlay(ctx.scratch / "tree", [lower], out / "tree") as tree, mounted_for_chroot(tree):
                (tree / "half").write_text("half")
                print("mounted", flush=True)
                if what == "kill":
                    run_logged(["sleep", "4711"], ctx.log)
            return super().run(ctx, out)

    class Filling(Root):
        def run(self, ctx, out):
            if what == "full":
                (out / "big").write_bytes(b"x" * 50_000_000)
            elif what == "full-program":
                run_logged(["dd", "if=/dev/zero", f"of={out}/big", "bs=1M", "count=50"], ctx.log)
            return super().run(ctx, out)

    namespace.enter()
    if what.startswith("full"):
        (folder / "cache").mkdir()
        run(["mount", "-t", "tmpfs", "-o", "size=8m", "small", folder / "cache"])
    image, base = load_image(root, "small"), load_base(root, "base-1")
    project = Project(root, image, base, "", "", False, "", 0, folder / "out", 2)
    stage = Filling() if what.startswith("full") else Slow()
    builder = Builder(project, Cache(folder / "cache"), (stage, *FAKES[1:]), Recorder())
    try:
        with builder.cache.session():
            builder.run(builder.plan())
            print("built", flush=True)
    except EdgeLinuxError as error:
        left = [path.name for path in builder.cache.folder("root").iterdir()]
        print(f"{error} | exit code {error.exit_code} | left: {left}")
"""


def script(what: str, project: Project, folder: Path) -> subprocess.Popen[str]:
    here = Path(__file__).resolve().parents[3]
    path = os.pathsep.join(str(here / name) for name in ("build", "kickstart", "hostd", "."))
    environment = {**os.environ, "PYTHONPATH": path}
    argv = [sys.executable, "-c", textwrap.dedent(SCRIPT), what, str(project.root), str(folder)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)


def processes(argument: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@needs_root
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_build_leaves_no_mount_no_process_and_no_result(
    made: Project, tmp_path: Path, number: signal.Signals
) -> None:
    killed = script("kill", made, tmp_path)
    assert killed.stdout
    assert killed.stdout.readline() == "mounted\n"
    time.sleep(0.2)
    assert processes("4711")
    killed.send_signal(number)
    killed.communicate(timeout=20)
    for _ in range(100):
        if not processes("4711"):
            break
        time.sleep(0.05)
    assert not processes("4711")
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert Cache(tmp_path / "cache").results("root") == []
    again = script("build", made, tmp_path)
    assert again.communicate(timeout=30)[0].split() == ["mounted", "built"]
    assert not list((tmp_path / "cache/stages").rglob(".tmp-*"))
    assert (made.out / "small.iso").is_file()


@needs_root
@pytest.mark.parametrize("what", ["full", "full-program"])
def test_no_space_left_while_building(made: Project, tmp_path: Path, what: str) -> None:
    output = script(what, made, tmp_path).communicate(timeout=30)[0]
    # Two stages run at the same time: either may be the first to find out.
    assert re.match(rf"(root|independent): no space left on the file system of {tmp_path}/cache \(", output)
    assert output.endswith("| exit code 5 | left: []\n")
    assert output.count("\n") == 1
