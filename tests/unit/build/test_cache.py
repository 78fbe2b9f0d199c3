from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from edgelinux_build.cache import Cache, cache_home

BUILD = """\
    import sys, time
    from pathlib import Path
    from edgelinux_build.cache import Cache

    def make(out, scratch):
        with open(sys.argv[2], "a") as log:
            log.write("made\\n")
        (out / "first").write_text("half")
        (scratch / "big").write_text("x" * 100000)
        time.sleep(float(sys.argv[3]))
        (out / "second").write_text("whole")
        return "identity", {}

    cache = Cache(Path(sys.argv[1]))
    with cache.session():
        print("ready", flush=True)
        result = cache.obtain("slow", "key", {}, make, on_wait=lambda: print("waits", flush=True))
    print((result.path / "second").read_text(), flush=True)
"""


def start(cache: Cache, log: Path, seconds: float) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", textwrap.dedent(BUILD), str(cache.root), str(log), str(seconds)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    for _ in range(500):
        if path.exists():
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} did not appear")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_result_is_made_once(cache: Cache) -> None:
    made = []

    def make(out: Path, scratch: Path) -> tuple[str, dict[str, object]]:
        made.append(out)
        (out / "file").write_text("content", encoding="utf-8")
        return "identity", {"fact": 1}

    for _ in range(2):
        result = cache.obtain("stage", "key", {"input": 1}, make)  # type: ignore[arg-type]
        assert (result.path / "file").read_text(encoding="utf-8") == "content"
        assert (result.identity, result.facts, result.inputs) == ("identity", {"fact": 1}, {"input": 1})
    assert len(made) == 1
    assert cache.lookup("stage", "key") == result
    assert cache.lookup("stage", "other") is None
    assert [found.key for found in cache.results()] == ["key"]


def test_a_failure_leaves_nothing(cache: Cache) -> None:
    def fail(out: Path, scratch: Path) -> tuple[str, dict[str, object]]:
        (out / "file").write_text("half", encoding="utf-8")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.obtain("stage", "key", {}, fail)  # type: ignore[arg-type]
    assert cache.lookup("stage", "key") is None
    assert list(cache.folder("stage").iterdir()) == []


def test_replacing(cache: Cache) -> None:
    for identity in ("one", "two"):
        result = cache.obtain("stage", "key", {}, lambda out, scratch: (identity, {}), replace=True)  # noqa: B023
        assert result.identity == identity
    assert [path.name for path in cache.folder("stage").iterdir()] == ["key"]


def test_two_builds_at_once_share_the_work(cache: Cache, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = start(cache, log, 1.0)
    wait_for(log)
    second = start(cache, log, 1.0)
    outputs = [process.communicate(timeout=30)[0].split() for process in (first, second)]
    assert outputs == [["ready", "whole"], ["ready", "waits", "whole"]]
    assert log.read_text(encoding="utf-8") == "made\n"


def test_a_killed_build_leaves_no_result_and_the_next_one_cleans_up(cache: Cache, tmp_path: Path) -> None:
    log = tmp_path / "log"
    killed = start(cache, log, 60.0)
    wait_for(log)
    time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert cache.lookup("slow", "key") is None
    assert any(path.name.startswith(".tmp-") for path in cache.folder("slow").iterdir())
    again = start(cache, log, 0.0)
    assert again.communicate(timeout=30)[0].split() == ["ready", "whole"]
    assert [path.name for path in cache.folder("slow").iterdir()] == ["key"]
    assert log.read_text(encoding="utf-8") == "made\nmade\n"


def test_a_build_takes_over_from_one_that_is_killed_while_it_waits(cache: Cache, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = start(cache, log, 60.0)
    wait_for(log)
    second = start(cache, log, 0.0)
    assert second.stdout
    assert [second.stdout.readline().strip() for _ in range(2)] == ["ready", "waits"]
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.communicate(timeout=30)[0].split() == ["whole"]


LOOP = """\
    import os, signal, sys
    from pathlib import Path
    from edgelinux_build.cache import Cache
    from edgelinux_hostd.run import run

    with Cache(Path(sys.argv[1])).temporary("stage") as path:
        (path / "image.raw").write_bytes(bytes(2**20))
        print(run(["losetup", "--find", "--show", path / "image.raw"]).stdout.strip(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists(),
    reason="loop devices need root and the driver",
)
def test_the_loop_device_of_a_killed_build_is_freed(cache: Cache) -> None:
    argv = [sys.executable, "-c", textwrap.dedent(LOOP), str(cache.root)]
    device = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    backing = Path("/sys/block") / Path(device).name / "loop/backing_file"
    assert backing.read_text(encoding="utf-8").startswith(str(cache.root))
    assert cache.remove_dead() == 1
    assert not backing.exists()
    assert list(cache.folder("stage").iterdir()) == []


def test_the_directory_of_a_living_build_is_not_removed(cache: Cache) -> None:
    with cache.temporary("stage") as path:
        assert cache.remove_dead() == 0
        assert path.is_dir()
    assert not path.exists()


def test_pruning_waits_for_no_build(cache: Cache) -> None:
    def busy() -> None:
        raise BlockingIOError("busy")

    with (
        cache.session(),
        cache.session(),
        pytest.raises(BlockingIOError, match="busy"),
        cache.session(alone=True, on_wait=busy),
    ):
        pass


def test_removing_a_result(cache: Cache) -> None:
    result = cache.obtain("stage", "key", {}, lambda out, scratch: ("identity", {}))
    with cache.session(alone=True):
        cache.remove(result)
    assert cache.lookup("stage", "key") is None
    assert list(cache.folder("stage").iterdir()) == []


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_home() == tmp_path / "edgelinux"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/invalid")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_home() == tmp_path / ".cache/edgelinux"
    assert os.environ["HOME"] == str(tmp_path)
